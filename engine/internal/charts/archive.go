package charts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/loader/archive"

	"berth.dev/engine/internal/yamlbound"
)

const (
	// maxArchive bounds a chart's archive; Helm's record could not hold more of it.
	maxArchive = 20 << 20
	// maxFiles bounds the files of a chart with all its packed dependencies.
	maxFiles = 10_000
	// maxInflated bounds what an archive with all its packed dependencies
	// inflates to, headers too. Helm bounds the files of each archive alone.
	maxInflated = 128 << 20
	// maxPacked bounds how deep archives lie in archives.
	maxPacked = 8
	// maxYAML bounds a YAML file that Helm's loader reads, its aliases written
	// out, in bytes.
	maxYAML = 32 << 20
)

var (
	// packed is a dependency that Helm's loader unpacks.
	packed = regexp.MustCompile(`(^|/)charts/[^/]+\.tgz$`)
	// parsed is a file that Helm's loader parses.
	parsed = regexp.MustCompile(`(^|/)(Chart\.(yaml|lock)|requirements\.(yaml|lock)|values\.yaml)$`)
)

// fromArchive reads a chart out of its archive.
func fromArchive(content []byte) (*Loaded, error) {
	if len(content) > maxArchive {
		return nil, tooLarge(int64(len(content)))
	}
	if err := new(budget).inspect(content, 0); err != nil {
		return nil, invalid(err)
	}
	files, err := archive.LoadArchiveFiles(bytes.NewReader(content))
	if err != nil {
		return nil, invalid(err)
	}
	sum := sha256.Sum256(content)
	return &Loaded{files: files, archive: content, Digest: "sha256:" + hex.EncodeToString(sum[:])}, nil
}

// budget is what an archive has used so far, its packed dependencies included.
type budget struct {
	files    int
	inflated int64
	// declared is what the files are said to have: a hole in one takes no bytes
	// of the archive, so that no meter sees it, and Helm fills it.
	declared int64
}

// inspect walks through an archive before Helm unpacks it: Helm leaves the
// number of entries and of archives in archives unbounded, and reads a link as
// an empty file.
func (b *budget) inspect(content []byte, depth int) error {
	if depth > maxPacked {
		return fmt.Errorf("archives lie in its archives more than %d deep", maxPacked)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return errors.New("it is no gzipped archive")
	}
	defer unzipped.Close()
	reader := tar.NewReader(&metered{in: unzipped, budget: b})
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("its archive cannot be read: %w", err)
		}
		if err := b.admit(header); err != nil {
			return err
		}
		if !isOpened(header.Name) {
			continue
		}
		if limit := limitOf(header.Name); header.Size > limit {
			return fmt.Errorf("in %.200q: it has %d bytes, at most %d are taken", header.Name, header.Size, limit)
		}
		inner, err := io.ReadAll(reader)
		if err != nil {
			return fmt.Errorf("its archive cannot be read: %w", err)
		}
		if err := b.open(header.Name, inner, depth); err != nil {
			return err
		}
	}
}

// isOpened tells whether Helm's loader looks into a file.
func isOpened(name string) bool {
	return packed.MatchString(slashed(name)) || parsed.MatchString(slashed(name))
}

// limitOf is how many bytes a file may have that Helm's loader looks into.
func limitOf(name string) int64 {
	if packed.MatchString(slashed(name)) {
		return maxArchive
	}
	return maxYAML
}

// open looks into a file that Helm's loader will look into.
func (b *budget) open(name string, content []byte, depth int) error {
	var err error
	if packed.MatchString(slashed(name)) {
		err = b.inspect(content, depth+1)
	} else {
		err = yamlbound.Check(content, maxYAML)
	}
	if err != nil {
		return fmt.Errorf("in %.200q: %w", name, err)
	}
	return nil
}

func (b *budget) admit(header *tar.Header) error {
	if err := b.count(); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeXGlobalHeader, tar.TypeXHeader:
	default:
		return fmt.Errorf("its archive holds a link or a device: %.200q", header.Name)
	}
	if b.declared += header.Size; header.Size < 0 || b.declared > maxInflated {
		return tooInflated()
	}
	name := slashed(header.Name)
	if strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
		return fmt.Errorf("its archive holds a file outside of it: %.200q", header.Name)
	}
	return nil
}

// count counts one more file.
func (b *budget) count() error {
	if b.files++; b.files > maxFiles {
		return fmt.Errorf("it has more than %d files", maxFiles)
	}
	return nil
}

// slashed names an entry as Helm does, which takes archives made on Windows.
func slashed(name string) string { return strings.ReplaceAll(name, `\`, "/") }

// metered reads at the cost of a budget.
type metered struct {
	in     io.Reader
	budget *budget
}

func (m *metered) Read(into []byte) (int, error) {
	n, err := m.in.Read(into)
	if m.budget.inflated += int64(n); m.budget.inflated > maxInflated {
		return n, tooInflated()
	}
	return n, err
}

func tooInflated() error { return fmt.Errorf("it inflates to more than %d bytes", maxInflated) }
