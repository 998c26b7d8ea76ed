// Package watches shares watches of Kubernetes objects among everyone who waits
// for some: one for each resource and namespace, however many wait.
package watches

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// linger is how long a watch stays after the last who needed it: the next
// release of the namespace often waits for the same kinds.
const linger = 5 * time.Second

// Key names a watch: a resource in a namespace, which is empty for what has none.
type Key struct {
	Resource  schema.GroupVersionResource
	Namespace string
}

// Pool holds the watches of one cluster as one identity sees it. Safe for concurrent use.
type Pool struct {
	client dynamic.Interface

	mu      sync.Mutex
	watches map[Key]*Watch
}

// NewPool makes an empty pool. The client's requests must not end with any one action.
func NewPool(client dynamic.Interface) *Pool {
	return &Pool{client: client, watches: map[Key]*Watch{}}
}

// Join gives the watch of a key. changed is called at each change that concerns
// interest; it must not block. Whoever joins has to leave.
func (p *Pool) Join(key Key, interest Interest, changed func()) (watch *Watch, leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	watch, ok := p.watches[key]
	if !ok {
		ctx, stop := context.WithCancel(context.Background())
		watch = newWatch(stop)
		p.watches[key] = watch
		go watch.run(ctx, p.client.Resource(key.Resource).Namespace(key.Namespace), key)
	}
	if watch.ending != nil {
		watch.ending.Stop()
		watch.ending = nil
	}
	watch.users++
	silence := watch.listen(interest, changed)
	return watch, sync.OnceFunc(func() {
		silence()
		p.leave(key, watch)
	})
}

// Len tells how many watches run.
func (p *Pool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.watches)
}

func (p *Pool) leave(key Key, watch *Watch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	watch.users--
	if watch.users > 0 {
		return
	}
	watch.ending = time.AfterFunc(linger, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if watch.users == 0 && p.watches[key] == watch {
			delete(p.watches, key)
			watch.stop()
		}
	})
}
