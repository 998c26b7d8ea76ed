package actions

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"berth.dev/engine/gen/enginev1"
)

// maxShown bounds the text of one value.
const maxShown = 4096

// driftOf lists the fields of an object that are not as wanted, but for what the
// API server keeps for itself.
func driftOf(live, wanted *unstructured.Unstructured) []*enginev1.FieldDrift {
	for _, object := range []*unstructured.Unstructured{live, wanted} {
		delete(object.Object, "status")
		for _, field := range kept {
			unstructured.RemoveNestedField(object.Object, "metadata", field)
		}
	}
	found := drift{secret: isSecret(wanted)}
	found.compare("", live.Object, wanted.Object)
	return found.fields
}

type drift struct {
	secret bool
	fields []*enginev1.FieldDrift
}

// compare goes down as long as both sides have the same form.
func (d *drift) compare(path string, live, wanted any) {
	if isNothing(live) && isNothing(wanted) || isWithin(live, wanted) && isWithin(wanted, live) {
		return
	}
	liveMap, liveOK := asMap(live)
	wantedMap, wantedOK := asMap(wanted)
	if liveOK && wantedOK && len(liveMap)+len(wantedMap) > 0 {
		all := maps.Clone(liveMap)
		if all == nil {
			all = map[string]any{}
		}
		maps.Copy(all, wantedMap)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			d.compare(below(path, key), liveMap[key], wantedMap[key])
		}
		return
	}
	liveList, liveOK := live.([]any)
	wantedList, wantedOK := wanted.([]any)
	if liveOK && wantedOK && d.lists(path, liveList, wantedList) {
		return
	}
	d.add(path, live, wanted)
}

func (d *drift) add(path string, live, wanted any) {
	d.fields = append(d.fields, &enginev1.FieldDrift{Path: path, Live: d.shown(path, live), Wanted: d.shown(path, wanted)})
}

// lists compares lists whose items can be told apart, by name or by their
// place; false where they cannot.
func (d *drift) lists(path string, live, wanted []any) bool {
	liveNames, wantedNames := names(live), names(wanted)
	if liveNames != nil && wantedNames != nil {
		all := maps.Clone(liveNames)
		maps.Copy(all, wantedNames)
		before := len(d.fields)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			at := path + "[name=" + name + "]"
			if one, other := liveNames[name], wantedNames[name]; one == nil || other == nil {
				d.add(at, one, other)
			} else {
				d.compare(at, one, other)
			}
		}
		// The same items in another order are another list.
		return len(d.fields) > before
	}
	if len(live) != len(wanted) {
		return false
	}
	for i := range live {
		d.compare(fmt.Sprintf("%s[%d]", path, i), live[i], wanted[i])
	}
	return true
}

// names gives the items of a list by their names; nil where not each has one of its own.
func names(list []any) map[string]any {
	found := map[string]any{}
	for _, item := range list {
		one, _ := item.(map[string]any)
		name, ok := one["name"].(string)
		if _, taken := found[name]; !ok || taken {
			return nil
		}
		found[name] = item
	}
	return found
}

// asMap takes what is not there for an empty map.
func asMap(value any) (map[string]any, bool) {
	if value == nil {
		return nil, true
	}
	found, ok := value.(map[string]any)
	return found, ok
}

func isNothing(value any) bool {
	found, ok := asMap(value)
	return ok && len(found) == 0
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func below(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return fmt.Sprintf("%s[%q]", path, key)
	case path == "":
		return key
	default:
		return path + "." + key
	}
}

// secretPaths are where Secrets have what nobody is shown.
var secretPaths = regexp.MustCompile(`^(data|stringData)\b|^metadata\.annotations\["kubectl\.kubernetes\.io/last-applied-configuration"\]`)

func (d *drift) shown(path string, value any) string {
	if isNothing(value) {
		return ""
	}
	if d.secret && secretPaths.MatchString(path) {
		return `"(redacted)"`
	}
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	if len(text) > maxShown {
		return strings.ToValidUTF8(string(text[:maxShown]), "") + "…"
	}
	return string(text)
}
