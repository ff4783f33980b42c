package config

import (
	"fmt"
	"strings"
)

// Word finds text among an enumeration's words, ignoring case, and gives the word as declared: the body of most UnmarshalText
// methods. The error lists the words in Kafka's wording.
func Word(text string, words []string) (string, error) {
	for _, w := range words {
		if strings.EqualFold(text, w) {
			return w, nil
		}
	}
	return "", fmt.Errorf("String must be one of: %s", strings.Join(words, ", "))
}
