package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"connectrpc.com/connect"

	"berth.dev/engine/gen/enginev1/enginev1connect"
	"berth.dev/engine/internal/actions"
)

const (
	// maxMessage bounds a request: values, and an archive of at most 1 MiB.
	maxMessage = 16 << 20
	// settleTime is how long running actions have to store their ending once the
	// engine was told to stop.
	settleTime = 10 * time.Second
)

// Listen opens the engine's socket. Its directory must belong to its owner
// alone: whoever reaches the socket may act with the credentials of each call.
func Listen(path string) (net.Listener, error) {
	directory, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if directory.Mode().Perm()&0o077 != 0 {
		return nil, errors.New("the socket's directory must be readable by its owner alone (chmod 700)")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	return listener, os.Chmod(path, 0o600)
}

// Serve serves until ctx ends, then cancels what runs and lets it settle.
func Serve(ctx context.Context, listener net.Listener, runner *actions.Runner) error {
	mux := http.NewServeMux()
	mux.Handle(enginev1connect.NewEngineServiceHandler(&service{runner}, connect.WithReadMaxBytes(maxMessage)))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: mux, Protocols: protocols, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("the engine's socket failed: %w", err)
	case <-ctx.Done():
	}
	runner.CancelAll()
	ending, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	return server.Shutdown(ending)
}
