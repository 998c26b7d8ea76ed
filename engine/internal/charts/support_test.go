package charts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// file is an entry of an archive; a symbolic link where target is set and
// nothing else is said.
type file struct {
	name, content, target string
	kind                  byte
}

const chartYAML = "apiVersion: v2\nname: demo\nversion: 1.2.3\n"

func demo(extra ...file) []file {
	return append([]file{
		{name: "demo/Chart.yaml", content: chartYAML},
		{name: "demo/values.yaml", content: "a: 1\n"},
		{name: "demo/templates/a.yaml", content: "kind: ConfigMap\n"},
	}, extra...)
}

func pack(t testing.TB, files ...file) []byte {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	writer := tar.NewWriter(zip)
	for _, file := range files {
		header := &tar.Header{Name: file.name, Mode: 0o644, Size: int64(len(file.content)), ModTime: time.Unix(0, 0)}
		if file.target != "" {
			header.Typeflag, header.Linkname = tar.TypeSymlink, file.target
		}
		if file.kind != 0 {
			header.Typeflag = file.kind
		}
		if err := writer.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte(file.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// directory writes files under a new directory and gives its path.
func directory(t *testing.T, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "demo")
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func fromBytes(content []byte) *enginev1.ChartReference {
	return &enginev1.ChartReference{Source: &enginev1.ChartReference_Archive{Archive: content}}
}

func at(path string) *enginev1.ChartReference {
	return &enginev1.ChartReference{Source: &enginev1.ChartReference_Path{Path: path}}
}

// refused loads a chart that must be refused, and checks the error's code and words.
func refused(t *testing.T, reference *enginev1.ChartReference, code string, words ...string) *problem.Error {
	t.Helper()
	loaded, err := NewLibrary(true).Load(context.Background(), reference)
	if err == nil {
		t.Fatalf("loaded %s, want %s", loaded.Digest, code)
	}
	ours, ok := problem.As(err)
	if !ok || ours.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	for _, word := range words {
		if !strings.Contains(ours.Message, word) {
			t.Errorf("message %q does not say %q", ours.Message, word)
		}
	}
	return ours
}
