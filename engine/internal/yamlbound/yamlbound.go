// Package yamlbound refuses YAML that is small as text and huge once read: an
// anchor may be repeated by aliases, and Helm's parser writes each of them out.
package yamlbound

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// nodeSize is what a node costs besides its text, in bytes: about a map's or a slice's cell.
const nodeSize = 16

var (
	anchor = regexp.MustCompile(`(^|[\s\[{,:?-])&[^\s,\[\]{}]`)
	alias  = regexp.MustCompile(`(^|[\s\[{,:?-])\*[^\s,\[\]{}]`)

	errCycle = errors.New("an alias stands inside its own anchor")
)

// Check refuses documents that have more than limit bytes once their aliases
// are written out. Text without anchors is as large as it looks and is not parsed.
func Check(text []byte, limit int64) error {
	if !anchor.Match(text) || !alias.Match(text) {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	meter := &meter{limit: limit, sizes: map[*yaml.Node]int64{}}
	var total int64
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return nil
		}
		// What cannot be measured is not trusted to a second parser.
		if err != nil {
			return err
		}
		size, err := meter.size(&document)
		if err != nil {
			return err
		}
		if total += size; total > limit {
			return fmt.Errorf("with its aliases written out it has more than %d bytes", limit)
		}
	}
}

// meter knows the size of each node it has seen, so that aliases cost it nothing.
type meter struct {
	limit int64
	sizes map[*yaml.Node]int64
}

// size counts no further than just over the limit, so that it cannot overflow.
func (m *meter) size(node *yaml.Node) (int64, error) {
	if node.Kind == yaml.AliasNode {
		known, done := m.sizes[node.Alias]
		if !done || known < 0 {
			return 0, errCycle
		}
		return known, nil
	}
	m.sizes[node] = -1
	total := int64(nodeSize + len(node.Value))
	for _, child := range node.Content {
		size, err := m.size(child)
		if err != nil {
			return 0, err
		}
		total = min(total+size, m.limit+1)
	}
	m.sizes[node] = total
	return total, nil
}
