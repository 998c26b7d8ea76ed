package charts

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"berth.dev/engine/gen/enginev1"
)

func TestLoadArchive(t *testing.T) {
	content := pack(t, demo()...)
	reference := fromBytes(content)
	reference.Digest = digestOf(content)
	loaded, err := NewLibrary(false).Load(context.Background(), reference)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Digest != digestOf(content) {
		t.Errorf("digest %s is not the archive's", loaded.Digest)
	}
	first, err := loaded.Chart()
	if err != nil {
		t.Fatal(err)
	}
	first.Values["a"] = "changed"
	first.Metadata.Name = "changed"
	second, err := loaded.Chart()
	if err != nil {
		t.Fatal(err)
	}
	if second.Values["a"] != float64(1) || second.Name() != "demo" {
		t.Errorf("a chart handed out before changed the next: %v %v", second.Values, second.Name())
	}
}

func TestLoadRefusesAnotherDigest(t *testing.T) {
	reference := fromBytes(pack(t, demo()...))
	reference.Digest = "sha256:" + strings.Repeat("0", 64)
	if got := refused(t, reference, "CHART_DIGEST_MISMATCH", reference.Digest); got.Field != "chart.digest" {
		t.Errorf("field is %q", got.Field)
	}
}

func TestLoadRefusesArchives(t *testing.T) {
	many := demo()
	for i := range maxFiles {
		many = append(many, file{name: fmt.Sprintf("demo/files/%d", i)})
	}
	nested := pack(t, demo()...)
	for range maxPacked + 1 {
		nested = pack(t, demo(file{name: "demo/charts/demo.tgz", content: string(nested)})...)
	}
	bomb := pack(t, demo(file{name: "demo/zeros", content: strings.Repeat("\x00", 60<<20)})...)
	bombs := demo()
	for i := range 3 {
		bombs = append(bombs, file{name: fmt.Sprintf("demo/charts/d%d.tgz", i), content: string(bomb)})
	}
	laughs := "a: &a " + strings.Repeat("x", 1<<16) + "\nb: [" + strings.Repeat("*a, ", 1000) + "]\n"
	for name, test := range map[string]struct {
		content []byte
		word    string
	}{
		"not a gzip":        {[]byte("apiVersion: v2\n"), "no gzipped archive"},
		"nothing":           {nil, "no gzipped archive"},
		"cut off":           {pack(t, demo()...)[:100], "cannot be read"},
		"empty":             {pack(t), "no files"},
		"no Chart.yaml":     {pack(t, file{name: "demo/values.yaml", content: "a: 1\n"}), "Chart.yaml"},
		"parent directory":  {pack(t, demo(file{name: "demo/../../etc/passwd"})...), "outside of it"},
		"windows parent":    {pack(t, demo(file{name: `demo\..\..\etc`})...), "outside of it"},
		"absolute":          {pack(t, demo(file{name: "/etc/passwd"})...), "outside of it"},
		"link":              {pack(t, demo(file{name: "demo/templates/b.yaml", target: "/etc/passwd"})...), "link or a device"},
		"too many files":    {pack(t, many...), "10000 files"},
		"too large":         {bytes.Repeat([]byte{0}, maxArchive+1), "at most 20971520"},
		"archives too deep": {nested, "deep"},
		"inflates":          {pack(t, demo(file{name: "demo/zeros", content: strings.Repeat("\x00", 101<<20)})...), "larger than the maximum"},
		"inflates inside":   {pack(t, bombs...), "inflates to more than"},
		"aliases":           {pack(t, file{name: "demo/Chart.yaml", content: chartYAML}, file{name: "demo/values.yaml", content: laughs}), "aliases"},
		"library":           {pack(t, file{name: "demo/Chart.yaml", content: chartYAML + "type: library\n"}), "library chart"},
		"no version":        {pack(t, file{name: "demo/Chart.yaml", content: "apiVersion: v2\nname: demo\n"}), "chart.metadata.version"},
		"empty Chart.yaml":  {pack(t, file{name: "demo/Chart.yaml", content: "null\n"}), "chart.metadata.name"},
		"no YAML":           {pack(t, file{name: "demo/Chart.yaml", content: "a: b: c\n"}), "Chart.yaml"},
		"dependencies":      {pack(t, file{name: "demo/Chart.yaml", content: chartYAML + "dependencies: [{name: redis, version: 1.0.0, repository: ''}]\n"}), "missing in charts/ directory: redis"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, fromBytes(test.content), "CHART_INVALID", test.word) })
	}
}

func TestLoadTakesDeprecatedAndPackedDependencies(t *testing.T) {
	inner := pack(t, file{name: "redis/Chart.yaml", content: "apiVersion: v2\nname: redis\nversion: 1.0.0\ntype: library\n"})
	content := pack(t,
		file{name: "demo/Chart.yaml", content: chartYAML + "deprecated: true\ndependencies: [{name: redis, version: 1.0.0, repository: ''}]\n"},
		file{name: "demo/charts/redis-1.0.0.tgz", content: string(inner)},
	)
	if _, err := NewLibrary(false).Load(context.Background(), fromBytes(content)); err != nil {
		t.Fatal(err)
	}
}

func TestLoadPaths(t *testing.T) {
	root := directory(t, map[string]string{"Chart.yaml": chartYAML, "values.yaml": "a: 1\n", "ignored/x": "y", ".helmignore": "ignored\n"})
	loaded, err := NewLibrary(true).Load(context.Background(), at(root))
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "demo.tgz")
	if err := os.WriteFile(archive, pack(t, demo()...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewLibrary(true).Load(context.Background(), at(archive)); err != nil {
		t.Fatal(err)
	}

	// The digest is the content's: what is ignored and when it was written do not count.
	if err := os.WriteFile(filepath.Join(root, "ignored/x"), []byte("z"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := NewLibrary(true).Load(context.Background(), at(root))
	if err != nil || again.Digest != loaded.Digest {
		t.Errorf("digest %v became %v (%v)", loaded.Digest, again, err)
	}
	if err := os.WriteFile(filepath.Join(root, "values.yaml"), []byte("a: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	changed, err := NewLibrary(true).Load(context.Background(), at(root))
	if err != nil || changed.Digest == loaded.Digest {
		t.Errorf("digest %v stayed (%v)", loaded.Digest, err)
	}
}

func TestLoadRefusesPaths(t *testing.T) {
	if _, err := NewLibrary(false).Load(context.Background(), at("/demo")); err == nil || !strings.Contains(err.Error(), "not allowed") {
		t.Errorf("local charts are not refused: %v", err)
	}
	if got := refused(t, at("charts/none"), "CHART_NOT_FOUND", `"charts/none"`); got.Field != "chart.path" {
		t.Errorf("field is %q", got.Field)
	}
	refused(t, at(""), "CHART_NOT_FOUND")
	refused(t, at("/"), "CHART_INVALID", "Chart.yaml")
	refused(t, at("/dev/zero"), "CHART_INVALID", "neither")

	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, at(pipe), "CHART_INVALID", "neither")
}

func TestLoadNamesNoPathOfTheMachine(t *testing.T) {
	secret := t.TempDir()
	for name, prepare := range map[string]func(root string) error{
		"broken values": func(root string) error {
			return os.WriteFile(filepath.Join(root, "values.yaml"), []byte("a: b: c"), 0o600)
		},
		"dangling link":  func(root string) error { return os.Symlink(filepath.Join(secret, "none"), filepath.Join(root, "link")) },
		"link to itself": func(root string) error { return os.Symlink(root, filepath.Join(root, "link")) },
		"pipe":           func(root string) error { return syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			root := directory(t, map[string]string{"Chart.yaml": chartYAML})
			if err := prepare(root); err != nil {
				t.Fatal(err)
			}
			// A relative path is what a message could mistake.
			t.Chdir(filepath.Dir(root))
			got := refused(t, at("demo"), "CHART_INVALID")
			if strings.Contains(got.Message, os.TempDir()) {
				t.Errorf("message names a path of the machine: %s", got.Message)
			}
		})
	}
}

func TestLoadFollowsLinksAsHelmDoes(t *testing.T) {
	shared := directory(t, map[string]string{"Chart.yaml": "apiVersion: v2\nname: shared\nversion: 1.0.0\n"})
	root := directory(t, map[string]string{"Chart.yaml": chartYAML + "dependencies: [{name: shared, version: 1.0.0, repository: ''}]\n"})
	if err := os.Mkdir(filepath.Join(root, "charts"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(shared, filepath.Join(root, "charts", "shared")); err != nil {
		t.Fatal(err)
	}
	if _, err := NewLibrary(true).Load(context.Background(), at(root)); err != nil {
		t.Fatal(err)
	}
}

func TestLoadNeedsASource(t *testing.T) {
	refused(t, &enginev1.ChartReference{}, "INVALID_ARGUMENT")
	refused(t, nil, "INVALID_ARGUMENT")
}
