// Package server speaks berth.engine.v1 on a Unix socket.
package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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
	// cancelInterval is between two looks for actions that a stop has to cancel.
	cancelInterval = 100 * time.Millisecond
	headerTimeout  = 10 * time.Second
)

// Serve serves HTTP/1.1 and unencrypted HTTP/2 until ctx ends, then cancels
// what runs and lets it settle for 10 s. The error says what went wrong; a stop
// in good order has none.
func Serve(ctx context.Context, listener net.Listener, runner *actions.Runner, log *slog.Logger) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: handler(runner, log), Protocols: protocols, ReadHeaderTimeout: headerTimeout,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("the engine's socket failed: %w", err)
	case <-ctx.Done():
	}
	// A stop may come before the server knows its listener.
	defer listener.Close()
	return stop(server, runner)
}

func handler(runner *actions.Runner, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(enginev1connect.NewEngineServiceHandler(&service{runner, log}, connect.WithReadMaxBytes(maxMessage)))
	return mux
}

// stop closes the door first, so that an action that came through it meanwhile
// is cancelled too, however late it begins.
func stop(server *http.Server, runner *actions.Runner) error {
	ending, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- server.Shutdown(ending) }()
	again := time.NewTicker(cancelInterval)
	defer again.Stop()
	for {
		runner.CancelAll()
		select {
		case err := <-closed:
			return err
		case <-again.C:
		}
	}
}
