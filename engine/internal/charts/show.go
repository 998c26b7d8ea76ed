package charts

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// maxShown bounds what is shown of one file, in bytes.
const maxShown = 1 << 20

// Show reads what is in a chart.
func (l *Library) Show(ctx context.Context, request *enginev1.ShowChartRequest) (*enginev1.ShowChartResponse, error) {
	loaded, err := l.Load(ctx, request.GetChart())
	if err != nil {
		return nil, err
	}
	made, err := loaded.Chart()
	if err != nil {
		return nil, err
	}
	metadata, err := json.Marshal(made.Metadata)
	if err != nil {
		return nil, err
	}
	shown := &enginev1.ShowChartResponse{Digest: loaded.Digest, SignedBy: loaded.SignedBy, MetadataJson: string(metadata), SchemaJson: text(made.Schema)}
	for _, file := range loaded.files {
		shown.Files = append(shown.Files, &enginev1.ChartFile{Name: file.Name, Size: int64(len(file.Data))})
		switch {
		case file.Name == "values.yaml":
			shown.ValuesYaml = text(file.Data)
		case shown.GetReadme() == "" && isReadme(file.Name):
			shown.Readme = text(file.Data)
		}
	}
	for _, crd := range made.CRDObjects() {
		for _, document := range releaseutil.SplitManifests(string(crd.File.Data)) {
			var definition struct {
				Metadata struct{ Name string } `json:"metadata"`
			}
			if yaml.Unmarshal([]byte(document), &definition) == nil && definition.Metadata.Name != "" {
				shown.Crds = append(shown.Crds, definition.Metadata.Name)
			}
		}
	}
	slices.Sort(shown.Crds)
	if request.GetFile() == "" {
		return shown, nil
	}
	shown.Content, err = contentOf(loaded.files, request.GetFile())
	return shown, err
}

func contentOf(files []*archive.BufferedFile, name string) ([]byte, error) {
	at := slices.IndexFunc(files, func(file *archive.BufferedFile) bool { return file.Name == name })
	if at < 0 {
		return nil, &problem.Error{Code: "CHART_NOT_FOUND", Field: "file", Message: "The chart has no such file."}
	}
	if len(files[at].Data) > maxShown {
		return nil, &problem.Error{Code: "CHART_INVALID", Field: "file", Message: "The file is larger than 1 MiB and is not shown."}
	}
	return files[at].Data, nil
}

func isReadme(name string) bool {
	lower := strings.ToLower(name)
	return lower == "readme.md" || lower == "readme.txt" || lower == "readme"
}

// text shows a file as text, at most 1 MiB of it.
func text(data []byte) string {
	return strings.ToValidUTF8(string(data[:min(len(data), maxShown)]), "?")
}
