package config

import (
	"slices"
	"strings"
)

// Unknown gives those keys of props that defs do not know, each with the nearest known key ("" when none is near).
func Unknown(props map[string]string, defs []Def) map[string]string {
	known := make(map[string]bool, len(defs))
	var prefixes, words []string
	for _, d := range defs {
		if d.Prefix {
			prefixes = append(prefixes, d.Key)
			continue
		}
		known[d.Key] = true
		words = append(words, d.Key)
		for _, a := range d.Aliases {
			known[a] = true
		}
	}
	out := map[string]string{}
	for k := range props {
		under := func(p string) bool { return strings.HasPrefix(k, p) }
		if !known[k] && !slices.ContainsFunc(prefixes, under) {
			out[k] = Nearest(k, words)
		}
	}
	return out
}

// Nearest finds the word closest to s by edit distance, "" when none is near: at most one edit in three letters.
func Nearest(s string, words []string) string {
	best, bestDist := "", len(s)/3+1
	for _, w := range words {
		if d := distance(strings.ToLower(s), strings.ToLower(w), bestDist); d < bestDist {
			best, bestDist = w, d
		}
	}
	return best
}

// distance is the optimal string alignment distance (insert, delete, replace, swap of neighbours), or limit when it is not less.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
