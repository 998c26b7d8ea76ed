package values

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"berth.dev/engine/gen/enginev1"
)

// maxElements bounds the list elements that all indexes together ask for: for
// a[9] Helm makes the nine before it too, and 20 characters can name 65,536.
const maxElements = 1 << 18

var (
	// indexes are one or several behind a key.
	indexes = regexp.MustCompile(`(\[\+?\d+\])+[.=]`)
	number  = regexp.MustCompile(`\d+`)
)

// checkIndexes refuses settings whose indexes ask for too many elements.
func checkIndexes(values *enginev1.Values) error {
	total := 0
	for _, set := range []struct {
		field string
		texts []string
	}{
		{"set_json", values.GetSetJson()}, {"set", values.GetSet()}, {"set_string", values.GetSetString()}, {"set_literal", values.GetSetLiteral()},
	} {
		for i, text := range set.texts {
			if total += elements(text); total > maxElements {
				return tooMany(fmt.Sprintf("%s[%d]", set.field, i))
			}
		}
	}
	for _, file := range values.GetSetFile() {
		if total += elements(file.GetKey() + "="); total > maxElements {
			return tooMany("set_file." + file.GetKey())
		}
	}
	return nil
}

func elements(text string) int {
	total := 0
	// Helm takes an escaped digit for the digit.
	for _, chain := range indexes.FindAllString(strings.ReplaceAll(text, `\`, ""), -1) {
		for _, digits := range number.FindAllString(chain, -1) {
			index, err := strconv.Atoi(digits)
			if err != nil || index > maxElements {
				return maxElements + 1
			}
			if total += index; total > maxElements {
				return total
			}
		}
	}
	return total
}

func tooMany(field string) error {
	return invalid(field, fmt.Errorf("the indexes ask for more than %d elements", maxElements))
}
