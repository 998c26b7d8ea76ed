package values

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		values *enginev1.Values
		want   string
	}{
		"nothing":               {nil, `{}`},
		"documents in order":    {documents("a: {b: 1, c: 1}\nd: [1]\n", "a: {b: 2}\nd: [2]\n"), `{"a":{"b":2,"c":1},"d":[2]}`},
		"several in one text":   {documents("a: 1\n---\nb: 2\n"), `{"a":1,"b":2}`},
		"JSON":                  {documents(`{"a":{"b":[1,null]}}`), `{"a":{"b":[1,null]}}`},
		"an empty document":     {documents(""), `{}`},
		"only a comment":        {documents("# nothing\n"), `{}`},
		"null is kept":          {documents("a: null\n"), `{"a":null}`},
		"text stays text":       {documents(`a: "007"` + "\n"), `{"a":"007"}`},
		"octal as YAML has it":  {documents("a: 007\n"), `{"a":7}`},
		"anchors":               {documents("a: &a {x: 1}\nb: *a\n"), `{"a":{"x":1},"b":{"x":1}}`},
		"set":                   {&enginev1.Values{Set: []string{"a.b=1,c=true", "d={x,y}", "e[1].f=z", "g=null"}}, `{"a":{"b":1},"c":true,"d":["x","y"],"e":[null,{"f":"z"}],"g":null}`},
		"set_string":            {&enginev1.Values{SetString: []string{"a=007,b=true"}}, `{"a":"007","b":"true"}`},
		"set_json":              {&enginev1.Values{SetJson: []string{`a={"b":[1]}`, `{"a":{"c":2}}`}}, `{"a":{"b":[1],"c":2}}`},
		"set_literal":           {&enginev1.Values{SetLiteral: []string{`a=b,c=[1]{}\`}}, `{"a":"b,c=[1]{}\\"}`},
		"set_file":              {&enginev1.Values{SetFile: []*enginev1.SetFile{{Key: "a.b", Content: "x,y=1\n"}}}, `{"a":{"b":"x,y=1\n"}}`},
		"a value like an index": {&enginev1.Values{SetString: []string{"a=[900000]"}}, `{"a":"[900000]"}`},
		"Helm's order": {&enginev1.Values{
			Documents: []string{"a: document\nb: document\nc: document\nd: document\ne: document\n"},
			SetJson:   []string{`a="json"`, `b="json"`, `c="json"`, `d="json"`, `e="json"`},
			Set:       []string{"b=set,c=set,d=set,e=set"}, SetString: []string{"c=string,d=string,e=string"},
			SetFile: []*enginev1.SetFile{{Key: "d", Content: "file"}, {Key: "e", Content: "file"}}, SetLiteral: []string{"e=literal"},
		}, `{"a":"json","b":"set","c":"string","d":"file","e":"literal"}`},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := Parse(test.values)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(parsed)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	bombs := make([]string, 0, 100)
	for i := range 100 {
		bombs = append(bombs, fmt.Sprintf("a%d[65535]=1", i))
	}
	for name, test := range map[string]struct {
		values *enginev1.Values
		field  string
		word   string
	}{
		"no YAML":            {documents("a: 1", "a: 1\nb: c: d\n"), "values_yaml", "line 2"},
		"the first document": {documents("a: [", "a: 1\n"), "values", "line 1"},
		"a list":             {documents("- a\n"), "values_yaml", ""},
		"a text":             {documents("hello\n"), "values_yaml", ""},
		"deep":               {documents(strings.Repeat("[", 20_000)), "values_yaml", "depth"},
		"aliases":            {documents("a: &a " + strings.Repeat("x", 1<<16) + "\nb: [" + strings.Repeat("*a, ", 1000) + "]\n"), "values_yaml", "aliases"},
		"set":                {&enginev1.Values{Set: []string{"a=1", "b"}}, "set[1]", "no value"},
		"another type":       {&enginev1.Values{Set: []string{"a=1", "a.b=1"}}, "set[1]", ""},
		"set_string":         {&enginev1.Values{SetString: []string{"a[x]=1"}}, "set_string[0]", "index"},
		"set_json":           {&enginev1.Values{SetJson: []string{"a={"}}, "set_json[0]", ""},
		"set_json object":    {&enginev1.Values{SetJson: []string{"{"}}, "set_json[0]", ""},
		"set_literal":        {&enginev1.Values{SetLiteral: []string{"a"}}, "set_literal[0]", ""},
		"set_file":           {&enginev1.Values{SetFile: []*enginev1.SetFile{{Key: "a[x]"}}}, "set_file.a[x]", "index"},
		"nesting":            {&enginev1.Values{Set: []string{strings.Repeat("a.", 40) + "a=1"}}, "set[0]", "nested level"},
		"many indexes":       {&enginev1.Values{Set: bombs}, "set[4]", "elements"},
		"many in one text":   {&enginev1.Values{Set: []string{strings.Join(bombs, ",")}}, "set[0]", "elements"},
		"an escaped index":   {&enginev1.Values{Set: []string{strings.ReplaceAll(strings.Join(bombs, ","), "65", `6\5`)}}, "set[0]", "elements"},
		"a huge index":       {&enginev1.Values{SetLiteral: []string{"a[99999999999999999999]=1"}}, "set_literal[0]", "elements"},
		"too much":           {documents("a: " + strings.Repeat("x", maxText)), "values", "at most 4194304"},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := Parse(test.values)
			ours, ok := problem.As(err)
			if !ok {
				t.Fatalf("got %v and the error %v", parsed, err)
			}
			if ours.Code != "VALUES_INVALID" || ours.Field != test.field || !strings.Contains(ours.Message, test.word) {
				t.Errorf("got %s at %s: %s", ours.Code, ours.Field, ours.Message)
			}
			if len(ours.Message) > 2*maxMessage {
				t.Errorf("the message has %d bytes", len(ours.Message))
			}
		})
	}
}

func documents(texts ...string) *enginev1.Values { return &enginev1.Values{Documents: texts} }
