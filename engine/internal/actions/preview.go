package actions

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"helm.sh/helm/v4/pkg/action"
	ri "helm.sh/helm/v4/pkg/release"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/charts"
	"berth.dev/engine/internal/problem"
	"berth.dev/engine/internal/store"
)

// A preview renders as the action will, and touches nothing: Helm installs CRDs
// before it renders and the namespace before it stores, so whatever can be
// refused has to be refused before. An install that does neither needs none.

func (s *session) previewInstall(request *enginev1.InstallRequest, loaded *charts.Loaded, vals map[string]any) (*release.Release, error) {
	s.events.Phase(enginev1.Phase_PHASE_RENDERING)
	made, err := loaded.Chart()
	if err != nil {
		return nil, err
	}
	config := s.previewConfig()
	// That the name is free was looked at already.
	config.Releases = storage.Init(driver.NewMemory())
	install := newInstall(config, request, s)
	install.DryRunStrategy = action.DryRunServer
	install.CreateNamespace = false
	return s.preview(loaded.Digest, func() (ri.Releaser, error) {
		return install.RunWithContext(s.wait, made, copyValues(vals))
	})
}

// previewConfig is the action's configuration with a client that builds nothing.
func (s *session) previewConfig() *action.Configuration {
	config := action.NewConfiguration()
	config.SetLogger(s.config.Logger().Handler())
	config.RESTClientGetter = s.config.RESTClientGetter
	config.Capabilities = s.config.Capabilities
	config.KubeClient = s.client.Preview()
	config.Releases = s.config.Releases
	return config
}

// preview renders within the time limit and checks what came out.
func (s *session) preview(digest string, render func() (ri.Releaser, error)) (*release.Release, error) {
	rel, err := s.previewUnchecked(digest, render)
	if err != nil {
		return nil, err
	}
	store.Stamp(rel, s.action.GetProvenance())
	if err := checkSize(rel); err != nil {
		return nil, err
	}
	return rel, s.checkServed(rel)
}

// checkSize refuses a release whose record Kubernetes would not store. Base64
// makes 4 bytes of 3 and gzip never more than a little: most releases are small
// enough to be let through without packing them twice.
func checkSize(rel *release.Release) error {
	text, err := json.Marshal(rel)
	if err != nil {
		return err
	}
	if len(text) < store.MaxRecord*7/10 {
		return nil
	}
	size, err := EncodedSize(rel)
	if err == nil && size > store.MaxRecord {
		err = store.TooLarge(size)
	}
	return err
}

// previewUnchecked renders within the time limit.
func (s *session) previewUnchecked(digest string, render func() (ri.Releaser, error)) (*release.Release, error) {
	inTime := s.limitRender(digest)
	made, err := render()
	inTime()
	if err != nil {
		return nil, err
	}
	rel, ok := made.(*release.Release)
	if !ok {
		return nil, fmt.Errorf("a rendered release has the unknown type %T", made)
	}
	return rel, nil
}

// limitRender ends the process unless the rendering is done in time.
func (s *session) limitRender(digest string) (done func() bool) {
	return time.AfterFunc(s.runner.options.RenderTimeout, func() {
		if s.runner.options.OnRenderOverrun != nil {
			s.runner.options.OnRenderOverrun(digest)
		}
	}).Stop
}

// EncodedSize is how many bytes Helm's record of a release has: base64 of a
// gzip of JSON, the one entry of a Secret.
func EncodedSize(rel *release.Release) (int, error) {
	counter := &counter{}
	text := base64.NewEncoder(base64.StdEncoding, counter)
	packed, err := gzip.NewWriterLevel(text, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	if err := json.NewEncoder(packed).Encode(rel); err != nil {
		return 0, err
	}
	if err := packed.Close(); err != nil {
		return 0, err
	}
	err = text.Close()
	return counter.n, err
}

type counter struct{ n int }

func (c *counter) Write(bytes []byte) (int, error) {
	c.n += len(bytes)
	return len(bytes), nil
}

var _ io.Writer = (*counter)(nil)

// copyValues copies values, which Helm's actions change.
func copyValues(vals map[string]any) map[string]any {
	copied := make(map[string]any, len(vals))
	for key, value := range vals {
		copied[key] = copyValue(value)
	}
	return copied
}

func copyValue(value any) any {
	switch nested := value.(type) {
	case map[string]any:
		return copyValues(nested)
	case []any:
		copied := make([]any, len(nested))
		for i, one := range nested {
			copied[i] = copyValue(one)
		}
		return copied
	default:
		return value
	}
}

func (s *session) namespaceExists(ctx context.Context) error {
	_, err := s.core.Namespaces().Get(ctx, s.target.GetNamespace(), metav1.GetOptions{})
	if isMissing(err) {
		return &problem.Error{
			Code: "NAMESPACE_NOT_FOUND", Field: "namespace",
			Message: fmt.Sprintf("There is no namespace %q.", s.target.GetNamespace()),
		}
	}
	// Whoever may not look at namespaces finds out by the first write.
	return nil
}
