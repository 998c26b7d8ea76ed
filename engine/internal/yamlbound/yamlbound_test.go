package yamlbound

import (
	"fmt"
	"strings"
	"testing"
)

const limit = 1 << 20

func TestCheckTakesWhatIsSmall(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           "",
		"no alias":        "a: 1\nb: [x, y]\n",
		"anchors":         "a: &a { x: 1 }\nb: *a\nc:\n  <<: *a\n",
		"stars and ands":  "a: '*b'\nb: 2 * 3\nc: x&y\n",
		"two documents":   "a: &a 1\nb: *a\n---\nc: &c 2\nd: *c\n",
		"large, no alias": "a: " + strings.Repeat("x", 2*limit),
	} {
		if err := Check([]byte(text), limit); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckRefusesBombs(t *testing.T) {
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	for name, text := range map[string]string{
		// Few nodes, which a parser's own guard counts, but a terabyte of text.
		"one long text":  "a: &a " + strings.Repeat("x", 1<<16) + "\nb: [" + strings.Repeat("*a, ", 1000) + "]\n",
		"billion laugh":  laughs,
		"a cycle":        "a: &a [*a]\n",
		"over documents": strings.Repeat("a: &a "+strings.Repeat("x", 1<<10)+"\nb: ["+strings.Repeat("*a, ", 500)+"]\n---\n", 3),
		"not YAML":       "a: &a 1\nb: *a\n\t- {",
	} {
		if err := Check([]byte(text), limit); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
