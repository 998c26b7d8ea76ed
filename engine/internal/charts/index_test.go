package charts

import (
	"strings"
	"testing"

	"berth.dev/engine/gen/enginev1"
)

func TestAnIndexIsKept(t *testing.T) {
	server, library := newRepository(t, "1.0.0"), NewLibrary(false)
	server.etag = `"one"`
	load := func(reference *enginev1.ChartReference) error {
		_, err := library.Load(t.Context(), reference)
		return err
	}
	asked := func() (whole, unchanged int) {
		for _, request := range server.seen {
			switch {
			case request.URL.Path != "/index.yaml":
			case request.Header.Get("If-None-Match") == server.etag:
				unchanged++
			default:
				whole++
			}
		}
		return whole, unchanged
	}
	for range 3 {
		if err := load(from(server.URL, "")); err != nil {
			t.Fatal(err)
		}
	}
	if whole, unchanged := asked(); whole != 1 || unchanged != 0 {
		t.Errorf("three loads fetched the index %d times and asked %d times", whole, unchanged)
	}
	again := from(server.URL, "")
	again.GetRepository().Refresh = true
	if err := load(again); err != nil {
		t.Fatal(err)
	}
	if whole, unchanged := asked(); whole != 1 || unchanged != 1 {
		t.Errorf("a refresh fetched the index %d times and asked %d times", whole, unchanged)
	}
	// A version that was published since is found at once.
	server.describe(t, "", "1.0.0", "2.0.0")
	server.etag = `"two"`
	if err := load(from(server.URL, "2.0.0")); err != nil {
		t.Fatal(err)
	}
	// Whoever shows other credentials does not see what these have fetched.
	server.private = true
	refused(t, from(server.URL, ""), "CHART_FETCH_FAILED", "401")
	other := from(server.URL, "")
	other.GetAccess().Username = "another"
	if err := load(other); err == nil {
		t.Error("an index that needs credentials was given to somebody without")
	}
}

func TestAnIndexIsReadInPiecesAndWhole(t *testing.T) {
	pieces := "apiVersion: v1\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    urls: [ a.tgz ]\n  \"other\":\n  - version: 2.0.0\n    urls:\n    - b.tgz\ngenerated: \"2026-01-01T00:00:00Z\"\n"
	whole := map[string]string{
		"as Helm writes it": pieces,
		"flow style":        `entries: { demo: [ { name: demo, version: 1.0.0, urls: [ a.tgz ] } ], other: [ { version: 2.0.0, urls: [ b.tgz ] } ] }`,
		"an alias":          strings.Replace(strings.Replace(pieces, "[ a.tgz ]", "&u [ a.tgz ]", 1), "\n    - b.tgz", " *u", 1),
		"deeper":            "entries:\n    demo:\n        - {version: 1.0.0, urls: [a.tgz]}\n    other:\n        - {version: 2.0.0, urls: [b.tgz]}\n",
	}
	for name, text := range whole {
		index, err := parseIndex([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(index.Entries) != 2 || index.Entries["demo"][0].Version != "1.0.0" || index.Entries["other"][0].Version != "2.0.0" {
			t.Errorf("%s: %v", name, index.Entries)
		}
	}
}

func TestAnArchiveByItsURL(t *testing.T) {
	server := newRepository(t, "1.0.0")
	at := func(path string) *enginev1.ChartReference {
		return &enginev1.ChartReference{
			Source: &enginev1.ChartReference_Url{Url: server.URL + path}, Egress: &enginev1.EgressPolicy{AllowLoopback: true},
		}
	}
	if got := versionOf(t, at("/demo-1.0.0.tgz")); got != "1.0.0" {
		t.Errorf("version %q", got)
	}
	refused(t, at("/index.yaml"), "CHART_INVALID", "gzipped")
	refused(t, at("/elsewhere"), "CHART_FETCH_FAILED", "404")
	forbidden := at("/demo-1.0.0.tgz")
	forbidden.Egress = nil
	refused(t, forbidden, "CHART_SOURCE_REFUSED", "may be fetched")
}
