// Package store is the seam around Helm's storage drivers: what an action
// writes carries its operation and fence, is compared and swapped, and is
// refused where Helm's record would not fit.
package store

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/cluster"
	"berth.dev/engine/internal/problem"
)

const (
	// OperationLabel names the operation that wrote a revision.
	OperationLabel = "berth.dev/operation"
	// FenceLabel is the fencing token of the holder that wrote a revision.
	FenceLabel = "berth.dev/fence"
	// MaxRecord is how many bytes of data Kubernetes stores in one Secret or
	// ConfigMap. Helm's record is one entry: base64 of a gzip of JSON.
	MaxRecord = 1 << 20
)

// Options say whose writes these are.
type Options struct {
	Namespace   string
	Kind        enginev1.StorageDriver
	OperationID string
	// Fence refuses a write where the stored revision carries a higher one; 0 is none.
	Fence uint64
	Hold  *cluster.Hold
	// Provenance is stamped on each revision that is made (not on those that are
	// only updated), as annotations of its chart with the prefix berth.dev/.
	Provenance map[string]string
}

// Store is Helm's storage of one release namespace as one action sees it.
type Store struct {
	*storage.Storage
	records *records
}

// New makes the store of an action.
func New(client corev1.CoreV1Interface, options Options) *Store {
	shared := &records{options: options, versions: map[string]string{}, changed: map[string]time.Time{}, created: map[string]bool{}}
	var backend driver.Driver
	if options.Kind == enginev1.StorageDriver_STORAGE_DRIVER_CONFIGMAP {
		backend = driver.NewConfigMaps(&configMaps{client.ConfigMaps(options.Namespace), shared})
	} else {
		backend = driver.NewSecrets(&secrets{client.Secrets(options.Namespace), shared})
	}
	return &Store{Storage: storage.Init(&stamping{Driver: backend, provenance: options.Provenance}), records: shared}
}

// ResourceVersion is that of the record last written or read under a key; empty where none was.
func (s *Store) ResourceVersion(key string) string {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return s.records.versions[key]
}

// Changed is when the record under a key was last written, by the API server's
// clock, as of the last time it was read; zero where it was not.
func (s *Store) Changed(key string) time.Time {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return s.records.changed[key]
}

// Wrote tells whether anything was written.
func (s *Store) Wrote() bool {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return s.records.wrote
}

// Refusal is the error with which a write was refused, which Helm hides; nil where none was.
func (s *Store) Refusal() error {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return s.records.refusal
}

// Recall lets the next Get of the record written last be answered by what the
// API server said it stored: reading it back would tell nothing else.
func (s *Store) Recall() {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	s.records.recalls = true
}

// records is what both kinds of record share.
type records struct {
	options Options

	mu       sync.Mutex
	versions map[string]string
	changed  map[string]time.Time
	created  map[string]bool
	fence    uint64
	wrote    bool
	refusal  error
	// answered is the record as the API server answered the last write; nil where that has no answer.
	answered metav1.Object
	recalls  bool
}

// seen notes a record that was read.
func (r *records) seen(object metav1.Object) {
	fence, _ := strconv.ParseUint(object.GetLabels()[FenceLabel], 10, 64)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.versions[object.GetName()] = object.GetResourceVersion()
	r.changed[object.GetName()] = changedAt(object)
	r.fence = max(r.fence, fence)
}

// changedAt is when an object was last written: its creation, or the last write
// that some manager of its fields has made.
func changedAt(object metav1.Object) time.Time {
	last := object.GetCreationTimestamp().Time
	for _, one := range object.GetManagedFields() {
		if one.Time != nil && one.Time.After(last) {
			last = one.Time.Time
		}
	}
	return last
}

// recalled gives the record that a Get may be answered with, once; nil where it has to be read.
func (r *records) recalled(name string) metav1.Object {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.recalls || r.answered == nil || r.answered.GetName() != name {
		return nil
	}
	r.recalls = false
	return r.answered
}

// prepare makes a record ready to be written, or refuses.
func (r *records) prepare(object metav1.Object, size int) error {
	err := r.check(size)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.refusal = errors.Join(r.refusal, err)
		return err
	}
	if !r.created[object.GetName()] && r.versions[object.GetName()] != "" {
		// A revision of somebody before: it keeps the labels it was made with.
		object.SetResourceVersion(r.versions[object.GetName()])
		return nil
	}
	r.created[object.GetName()] = true
	labels := object.GetLabels()
	if r.options.OperationID != "" {
		labels[OperationLabel] = r.options.OperationID
	}
	if r.options.Fence > 0 {
		labels[FenceLabel] = strconv.FormatUint(r.options.Fence, 10)
	}
	object.SetLabels(labels)
	object.SetResourceVersion(r.versions[object.GetName()])
	return nil
}

func (r *records) check(size int) error {
	if err := r.options.Hold.Check(); err != nil {
		return err
	}
	if size > MaxRecord {
		return TooLarge(size)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.options.Fence > 0 && r.fence > r.options.Fence {
		return problem.New("FENCED", fmt.Sprintf("The release is held by %d, a newer holder than %d.", r.fence, r.options.Fence))
	}
	return nil
}

// written notes how a write ended.
func (r *records) written(object metav1.Object, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.versions[object.GetName()] = object.GetResourceVersion()
		r.wrote = true
		r.answered = object
		return nil
	}
	// It may have landed without an answer: what is stored has to be read.
	r.answered = nil
	if apierrors.IsConflict(err) {
		err = &problem.Error{Code: "REVISION_STALE", Message: "Somebody else has written the release meanwhile.", Cause: err}
		r.refusal = errors.Join(r.refusal, err)
	}
	return err
}

// TooLarge is the error of a record of size bytes.
func TooLarge(size int) error {
	return &problem.Error{
		Code:    "RELEASE_TOO_LARGE",
		Message: fmt.Sprintf("Helm's record of the release is %d bytes; Kubernetes stores at most %d.", size, MaxRecord),
		Details: map[string]string{"size": strconv.Itoa(size), "limit": strconv.Itoa(MaxRecord)},
	}
}
