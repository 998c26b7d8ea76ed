package server

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"berth.dev/engine/gen/enginev1"
)

// writeChart writes a chart of these files and gives its directory.
func writeChart(t *testing.T, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "demo")
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const head = "apiVersion: v2\nname: demo\nversion: 1.2.3\n"

func template(path string, documents ...string) *enginev1.RenderRequest {
	return &enginev1.RenderRequest{
		Target: away("r"), Values: &enginev1.Values{Documents: documents},
		Chart: &enginev1.ChartReference{Source: &enginev1.ChartReference_Path{Path: path}},
	}
}

// TestRenderIsHelmTemplate compares with the real command line.
func TestRenderIsHelmTemplate(t *testing.T) {
	helm := os.Getenv("BERTH_HELM")
	if helm == "" {
		t.Skip("BERTH_HELM names no helm binary: npm test sets it")
	}
	root := writeChart(t, map[string]string{
		"Chart.yaml":  head,
		"values.yaml": "default: kept\nremoved: me\nnumber: 0\nnested: {a: 1, b: 2}\n",
		"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }} }\ndata:\n" +
			"  values: {{ toJson .Values | quote }}\n  number: {{ .Values.number | quote }}\n  yaml: {{ toYaml .Values.number | quote }}\n" +
			"  bare: {{ .Values.number }}\n  int: {{ int64 .Values.number | quote }}\n",
	})
	client := dial(t, start(t, newRunner()), false)
	for name, text := range map[string]string{
		"a million": "number: 1000000\n", "huge": "number: 1e21\n", "beyond doubles": "number: 9007199254740993\n",
		"null": "number: null\nremoved: null\nnested: {a: null}\n", "zeros": `number: "007"` + "\n", "bare zeros": "number: 007\n", "float": "number: 0.10\n",
		"negative": "number: -1\n", "boolean": "number: yes\n", "date": "number: 2026-11-21\n", "anchor": "x: &x {y: 1}\nnumber: *x\n", "JSON": `{"number":1e3}`,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "values.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			want, err := exec.Command(helm, "template", "r", root, "-f", file).Output()
			if err != nil {
				t.Fatalf("helm: %v", err)
			}
			got, err := client.Render(context.Background(), template(root, text))
			if err != nil || got.GetError() != nil {
				t.Fatalf("render: %v %v", got.GetError(), err)
			}
			if strings.TrimSpace(got.GetManifest()) != strings.TrimSpace(string(want)) {
				t.Errorf("engine:\n%s\nhelm:\n%s", got.GetManifest(), want)
			}
			if got.GetEncodedSize() == 0 || !strings.HasPrefix(got.GetChartDigest(), "sha256:") {
				t.Errorf("size %d, digest %q", got.GetEncodedSize(), got.GetChartDigest())
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	client := dial(t, start(t, newRunner()), false)
	for name, test := range map[string]struct {
		files map[string]string
		code  string
		word  string
	}{
		"required":     {map[string]string{"Chart.yaml": head, "templates/a.yaml": `{{ required "say who" .Values.who }}`}, "TEMPLATE_FAILED", "say who"},
		"parse":        {map[string]string{"Chart.yaml": head, "templates/a.yaml": "{{ if }}"}, "TEMPLATE_FAILED", "templates/a.yaml"},
		"nil pointer":  {map[string]string{"Chart.yaml": head, "templates/a.yaml": "{{ .Values.a.b }}"}, "TEMPLATE_FAILED", "templates/a.yaml"},
		"no YAML":      {map[string]string{"Chart.yaml": head, "templates/a.yaml": "a: b: c\n"}, "TEMPLATE_FAILED", "templates/a.yaml"},
		"endless":      {map[string]string{"Chart.yaml": head, "templates/a.yaml": `{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`}, "TEMPLATE_FAILED", "templates/a.yaml"},
		"schema":       {map[string]string{"Chart.yaml": head, "values.yaml": "a: text\n", "values.schema.json": `{"properties":{"a":{"type":"integer"}}}`}, "VALUES_SCHEMA", "a"},
		"kubeVersion":  {map[string]string{"Chart.yaml": head + "kubeVersion: '>=99.0.0'\n"}, "KUBE_VERSION_UNSUPPORTED", "99.0.0"},
		"library":      {map[string]string{"Chart.yaml": head + "type: library\n"}, "CHART_INVALID", "library"},
		"dependencies": {map[string]string{"Chart.yaml": head + "dependencies: [{name: redis, version: 1.0.0, repository: ''}]\n"}, "CHART_INVALID", "redis"},
	} {
		t.Run(name, func(t *testing.T) {
			root := writeChart(t, test.files)
			got, err := client.Render(context.Background(), template(root))
			if err != nil {
				t.Fatal(err)
			}
			failure := got.GetError()
			if failure.GetCode() != test.code || !strings.Contains(failure.GetMessage(), test.word) {
				t.Errorf("got %s: %s", failure.GetCode(), failure.GetMessage())
			}
			if strings.Contains(failure.GetMessage(), os.TempDir()) || len(failure.GetMessage()) > 8<<10 {
				t.Errorf("the message names the machine or is too long: %.300s", failure.GetMessage())
			}
		})
	}
}
