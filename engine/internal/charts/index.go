package charts

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"runtime"
	"time"

	plainyaml "go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	v2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/repo/v1"
	"sigs.k8s.io/yaml"

	"berth.dev/engine/internal/yamlbound"
)

// parseIndex reads an index and keeps what is needed of it.
func parseIndex(content []byte) (*repo.IndexFile, error) {
	index := &repo.IndexFile{}
	switch {
	case json.Valid(content):
		if err := json.Unmarshal(content, index); err != nil {
			return nil, err
		}
	case !readInPieces(content, index):
		index = &repo.IndexFile{}
		if err := yamlbound.Check(content, 2*maxIndex); err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(content, index); err != nil {
			return nil, err
		}
	}
	if index.Entries == nil {
		return nil, errors.New("it has no entries")
	}
	for name, versions := range index.Entries {
		index.Entries[name] = usable(versions)
	}
	return index, nil
}

var (
	entries = []byte("entries:\n")
	// entryStart is a chart's name as Helm and everybody else writes it.
	entryStart = regexp.MustCompile(`(?m)^  ("?)([A-Za-z0-9][-A-Za-z0-9._]*)("?):[ \t]*\n`)
	// separator stands between documents.
	separator = regexp.MustCompile(`(?m)^---`)
	// keyAfter begins what follows the entries.
	keyAfter = regexp.MustCompile(`(?m)^[^\s#-]`)
)

// readInPieces reads an index chart by chart, if it is laid out as Helm does:
// parsed in one piece, an index of 20 MB takes half a gigabyte. False where it
// is not, and the whole has to be parsed.
func readInPieces(content []byte, index *repo.IndexFile) bool {
	start := bytes.Index(content, entries)
	if start < 0 || (start > 0 && content[start-1] != '\n') || len(separator.FindAllIndex(content, 2)) > 1 {
		return false
	}
	head, rest := content[:start], content[start+len(entries):]
	end := len(rest)
	if after := keyAfter.FindIndex(rest); after != nil {
		end = after[0]
	}
	if yaml.Unmarshal(append(bytes.Clone(head), rest[end:]...), index) != nil {
		return false
	}
	rest = rest[:end]
	starts := entryStart.FindAllSubmatchIndex(rest, -1)
	if len(starts) == 0 || len(bytes.TrimSpace(rest[:starts[0][0]])) > 0 {
		return false
	}
	pieces := make([]repo.ChartVersions, len(starts))
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i, at := range starts {
		stop := len(rest)
		if i+1 < len(starts) {
			stop = starts[i+1][0]
		}
		all.Go(func() (err error) {
			pieces[i], err = readPiece(rest[at[1]:stop])
			return err
		})
	}
	if all.Wait() != nil {
		return false
	}
	index.Entries = make(map[string]repo.ChartVersions, len(starts))
	for i, at := range starts {
		index.Entries[string(rest[at[4]:at[5]])] = pieces[i]
	}
	return true
}

// written is a version as an index has it, as far as it is needed.
type written struct {
	Name        string   `yaml:"name"`
	Version     string   `yaml:"version"`
	APIVersion  string   `yaml:"apiVersion"`
	AppVersion  string   `yaml:"appVersion"`
	Description string   `yaml:"description"`
	Keywords    []string `yaml:"keywords"`
	Home        string   `yaml:"home"`
	Icon        string   `yaml:"icon"`
	KubeVersion string   `yaml:"kubeVersion"`
	Type        string   `yaml:"type"`
	Deprecated  bool     `yaml:"deprecated"`
	URLs        []string `yaml:"urls"`
	Created     string   `yaml:"created"`
	Digest      string   `yaml:"digest"`
}

// readPiece reads the versions of one chart. What is read otherwise than Helm
// would, is read by Helm's way: an error sends the whole index there.
func readPiece(text []byte) (repo.ChartVersions, error) {
	// An alias of an anchor elsewhere is an error here, and no alias there.
	if err := yamlbound.Check(text, maxIndex); err != nil {
		return nil, err
	}
	var list []written
	if err := plainyaml.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	versions := make(repo.ChartVersions, 0, len(list))
	for _, one := range list {
		created, _ := time.Parse(time.RFC3339Nano, one.Created)
		versions = append(versions, &repo.ChartVersion{
			Metadata: &v2.Metadata{
				Name: one.Name, Version: one.Version, AppVersion: one.AppVersion, APIVersion: one.APIVersion,
				Description: one.Description, Keywords: one.Keywords, Icon: one.Icon, Home: one.Home,
				KubeVersion: one.KubeVersion, Type: one.Type, Deprecated: one.Deprecated,
			},
			URLs: one.URLs, Created: created, Digest: one.Digest,
		})
	}
	return usable(versions), nil
}

// usable drops entries that nothing can be fetched or told of.
func usable(versions repo.ChartVersions) repo.ChartVersions {
	kept := make(repo.ChartVersions, 0, len(versions))
	for _, version := range versions {
		if version == nil || version.Metadata == nil || len(version.URLs) == 0 {
			continue
		}
		if version.APIVersion == "" {
			version.APIVersion = v2.APIVersionV1
		}
		kept = append(kept, slim(version))
	}
	return kept
}

// slim keeps of a version what charts are found and shown by.
func slim(version *repo.ChartVersion) *repo.ChartVersion {
	return &repo.ChartVersion{
		Metadata: &v2.Metadata{
			Name: version.Name, Version: version.Version, AppVersion: version.AppVersion, APIVersion: version.APIVersion,
			Description: version.Description, Keywords: version.Keywords, Icon: version.Icon, Home: version.Home,
			KubeVersion: version.KubeVersion, Type: version.Type, Deprecated: version.Deprecated,
		},
		URLs: version.URLs[:1], Created: version.Created, Digest: version.Digest,
	}
}
