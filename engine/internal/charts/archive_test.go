package charts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	// maxRefusal bounds how long it may take to refuse an archive: what is
	// measured takes a tenth of it, on a machine that does little else.
	maxRefusal = 5 * time.Second
	// maxSpent bounds what may be allocated in all for it, in bytes, however
	// little of it is held at once.
	maxSpent = 48 << 20
)

// What an archive says of itself is believed of none: each is refused by what
// has been read of it so far.
func TestArchivesThatAreTooMuchAreRefusedQuicklyAndInSmallMemory(t *testing.T) {
	many := func(files int) []byte {
		all := demo()
		for i := range files {
			all = append(all, file{name: fmt.Sprintf("demo/files/%d", i)})
		}
		return pack(t, all...)
	}
	var holes []file
	for i := range 3 {
		holes = append(holes, file{name: fmt.Sprintf("demo/charts/%d.tgz", i), content: string(sparse(t, "a/zeros", 60<<20))})
	}
	for name, test := range map[string]struct {
		content []byte
		word    string
	}{
		"2 GB":                  {inflating(t, "demo/zeros", 2<<30), "inflates to more than"},
		"2 GB of values":        {inflating(t, "demo/values.yaml", 2<<30), "inflates to more than"},
		"50 MB of values":       {inflating(t, "demo/values.yaml", 48<<20), "at most 33554432"},
		"2 GB in a dependency":  {pack(t, demo(file{name: "demo/charts/a.tgz", content: string(inflating(t, "a/zeros", 2<<30))})...), "inflates to more than"},
		"2 GB, a dependency":    {inflating(t, "demo/charts/a.tgz", 2<<30), "inflates to more than"},
		"a hole of 1 TB":        {sparse(t, "demo/values.yaml", 1<<40), "inflates to more than"},
		"a hole of 1 TB beside": {sparse(t, "demo/zeros", 1<<40), "inflates to more than"},
		"holes in dependencies": {pack(t, demo(holes...)...), "inflates to more than"},
		"2 GB of headers":       {withHeader(t, 2<<30), "cannot be read"},
		"100,000 files":         {many(100_000), "10000 files"},
		"symbolic link":         {pack(t, demo(file{name: "demo/a", target: "../../etc/passwd"})...), "link or a device"},
		"hard link":             {pack(t, demo(file{name: "demo/a", target: "/etc/passwd", kind: tar.TypeLink})...), "link or a device"},
		"character device":      {pack(t, demo(file{name: "demo/a", kind: tar.TypeChar})...), "link or a device"},
		"block device":          {pack(t, demo(file{name: "demo/a", kind: tar.TypeBlock})...), "link or a device"},
		"pipe":                  {pack(t, demo(file{name: "demo/a", kind: tar.TypeFifo})...), "link or a device"},
		"parent":                {pack(t, demo(file{name: "demo/../../a"})...), "outside of it"},
		"tar without gzip":      {bare(t, demo()...), "no gzipped archive"},
		"gzip without tar":      {zip(t, []byte(strings.Repeat("no tar ", 1000))), "cannot be read"},
		"text":                  {[]byte("<html>Not found</html>"), "no gzipped archive"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			reference := fromBytes(test.content)
			runtime.ReadMemStats(&before)
			start := time.Now()
			refused(t, reference, "CHART_INVALID", test.word)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if took > maxRefusal {
				t.Errorf("it took %s", took)
			}
			if spent := after.TotalAlloc - before.TotalAlloc; spent > maxSpent {
				t.Errorf("it took %d bytes", spent)
			}
		})
	}
}

// bare is an archive that is not zipped.
func bare(t testing.TB, files ...file) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(pack(t, files...)))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func zip(t testing.TB, content []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// inflating is an archive with a file of so many zeros. A gzip may consist of
// several: the zeros are packed once and written often.
func inflating(t testing.TB, name string, size int64) []byte {
	t.Helper()
	const part = 16 << 20
	zeros := zip(t, make([]byte, part))
	content := zip(t, append(withoutEnd(bare(t, demo()[0])), headerOf(t, &tar.Header{Name: name, Mode: 0o644, Size: size})...))
	for range size / part {
		content = append(content, zeros...)
	}
	return append(content, zip(t, make([]byte, 1024))...)
}

// withHeader is an archive whose extended header alone has that size.
func withHeader(t testing.TB, size int64) []byte {
	t.Helper()
	header := headerOf(t, &tar.Header{Name: "PaxHeaders/a", Mode: 0o644, Size: size})
	setKind(header, tar.TypeXHeader)
	return zip(t, append(withoutEnd(bare(t, demo()...)), header...))
}

// sparse is an archive of a few bytes with a file that is said to have that
// size, and to be a hole.
func sparse(t testing.TB, name string, size int64) []byte {
	t.Helper()
	var records bytes.Buffer
	for _, record := range []string{
		"GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.name=" + name, fmt.Sprintf("GNU.sparse.size=%d", size),
		"GNU.sparse.numblocks=1", fmt.Sprintf("GNU.sparse.map=%d,0", size),
	} {
		// A record begins with its length, of which these have two digits.
		fmt.Fprintf(&records, "%d %s\n", len(record)+4, record)
	}
	content := withoutEnd(bare(t, demo()[0]))
	extended := headerOf(t, &tar.Header{Name: "PaxHeaders/a", Mode: 0o644, Size: int64(records.Len())})
	setKind(extended, tar.TypeXHeader)
	content = append(content, extended...)
	content = append(content, append(records.Bytes(), make([]byte, 512-records.Len()%512)...)...)
	content = append(content, headerOf(t, &tar.Header{Name: name, Mode: 0o644})...)
	return zip(t, append(content, make([]byte, 1024)...))
}

// withoutEnd takes away the two blocks that end an archive.
func withoutEnd(content []byte) []byte { return content[:len(content)-1024] }

// headerOf is the block of a header.
func headerOf(t testing.TB, header *tar.Header) []byte {
	t.Helper()
	var block bytes.Buffer
	if err := tar.NewWriter(&block).WriteHeader(header); err != nil {
		t.Fatal(err)
	}
	return block.Bytes()
}

// setKind makes another kind of a header's block, with the sum that belongs to it.
func setKind(block []byte, kind byte) {
	block[156] = kind
	copy(block[148:156], "        ")
	sum := 0
	for _, one := range block[:512] {
		sum += int(one)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
}
