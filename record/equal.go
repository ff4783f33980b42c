package record

import "bytes"

// Equal compares by content. Numbers of different kinds are different; NaN equals NaN; decimals are equal when unscaled value
// and scale are.
func Equal(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case KindString, KindBytes:
		return bytes.Equal(a.Bytes(), b.Bytes())
	case KindDecimal:
		x, sx := a.DecimalParts()
		y, sy := b.DecimalParts()
		return sx == sy && x.Cmp(y) == 0
	case KindFloat:
		return a.num == b.num || a.Float() == b.Float() || a.Float() != a.Float() && b.Float() != b.Float()
	case KindArray, KindStruct:
		return equalElems(a.Elems(), b.Elems())
	case KindMap:
		return equalEntries(a.Entries(), b.Entries())
	default:
		return a.num == b.num
	}
}

func equalElems(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// equalEntries ignores the order, as a map does.
func equalEntries(a, b []Entry) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if Equal(a[i].Key, b[i].Key) && Equal(a[i].Value, b[i].Value) {
			continue
		}
		found := false
		for j := range b {
			if Equal(a[i].Key, b[j].Key) {
				found = Equal(a[i].Value, b[j].Value)
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}
