// Package values merges values as Helm's command line does.
package values

import (
	"encoding/json"
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/yamlbound"
)

const (
	// maxText bounds the text of all values together.
	maxText = 4 << 20
	// maxExpanded bounds a document with its aliases written out, in bytes.
	maxExpanded = 16 << 20
	// maxMessage bounds what is shown of a parser's words.
	maxMessage = 512
)

// Parse merges documents in order, then set_json, set, set_string, set_file and
// set_literal. The error is VALUES_INVALID with the field at fault.
func Parse(values *enginev1.Values) (map[string]any, error) {
	if size := textSize(values); size > maxText {
		return nil, invalid("values", fmt.Errorf("%d bytes of values, at most %d are taken", size, maxText))
	}
	if err := checkIndexes(values); err != nil {
		return nil, err
	}
	base := map[string]any{}
	for i, document := range values.GetDocuments() {
		parsed, err := parseDocument(document)
		if err != nil {
			return nil, invalid(documentField(i, len(values.GetDocuments())), err)
		}
		base = loader.MergeMaps(base, parsed)
	}
	for i, text := range values.GetSetJson() {
		merged, err := setJSON(text, base)
		if err != nil {
			return nil, invalid(fmt.Sprintf("set_json[%d]", i), err)
		}
		base = merged
	}
	for _, set := range []struct {
		field string
		texts []string
		parse func(string, map[string]any) error
	}{
		{"set", values.GetSet(), strvals.ParseInto},
		{"set_string", values.GetSetString(), strvals.ParseIntoString},
	} {
		for i, text := range set.texts {
			if err := set.parse(text, base); err != nil {
				return nil, invalid(fmt.Sprintf("%s[%d]", set.field, i), err)
			}
		}
	}
	for _, file := range values.GetSetFile() {
		read := func([]rune) (any, error) { return file.GetContent(), nil }
		if err := strvals.ParseIntoFile(file.GetKey()+"=content", base, read); err != nil {
			return nil, invalid("set_file."+file.GetKey(), err)
		}
	}
	for i, text := range values.GetSetLiteral() {
		if err := strvals.ParseLiteralInto(text, base); err != nil {
			return nil, invalid(fmt.Sprintf("set_literal[%d]", i), err)
		}
	}
	return base, nil
}

func parseDocument(text string) (map[string]any, error) {
	if err := yamlbound.Check([]byte(text), maxExpanded); err != nil {
		return nil, err
	}
	return loader.LoadValues(strings.NewReader(text))
}

func setJSON(text string, base map[string]any) (map[string]any, error) {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") {
		var object map[string]any
		if err := json.Unmarshal([]byte(trimmed), &object); err != nil {
			return nil, err
		}
		return loader.MergeMaps(base, object), nil
	}
	return base, strvals.ParseJSON(text, base)
}

// documentField names a document as the public API does: `values`, where given,
// comes before `values_yaml`.
func documentField(i, count int) string {
	if i == count-1 {
		return "values_yaml"
	}
	return "values"
}

func invalid(field string, err error) error {
	message := err.Error()
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return &problem.Error{Code: "VALUES_INVALID", Message: "The values cannot be parsed: " + message, Field: field, Cause: err}
}

func textSize(values *enginev1.Values) int {
	size := 0
	for _, texts := range [][]string{
		values.GetDocuments(), values.GetSetJson(), values.GetSet(), values.GetSetString(), values.GetSetLiteral(),
	} {
		for _, text := range texts {
			size += len(text)
		}
	}
	for _, file := range values.GetSetFile() {
		size += len(file.GetContent())
	}
	return size
}
