package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/gen/enginev1/enginev1connect"
	"berth.dev/engine/internal/actions"
)

// start serves a runner on a real socket until the test ends, and gives the socket's path.
func start(t *testing.T, runner *actions.Runner) string {
	t.Helper()
	path := socketPath(t)
	listener, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, listener, runner, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("the end of serving: %v", err)
		}
	})
	return path
}

// socketPath is short: a socket's path has at most 107 bytes.
func socketPath(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "be")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return filepath.Join(directory, "s")
}

func newRunner() *actions.Runner {
	return actions.New(actions.Options{AllowLocalCharts: true, Log: slog.New(slog.DiscardHandler)})
}

// dial speaks to a socket in one version of HTTP.
func dial(t *testing.T, path string, useHTTP2 bool) enginev1connect.EngineServiceClient {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!useHTTP2)
	protocols.SetUnencryptedHTTP2(useHTTP2)
	transport := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return enginev1connect.NewEngineServiceClient(&http.Client{Transport: transport}, "http://engine")
}

// away is a target whose API server nobody serves.
func away(release string) *enginev1.Target {
	return &enginev1.Target{Cluster: &enginev1.Cluster{Server: "http://127.0.0.1:1"}, Namespace: "default", Release: release}
}

// results reads a stream to its end and gives every result in it.
func results(t *testing.T, stream *connect.ServerStreamForClient[enginev1.ActionEvents]) []*enginev1.ActionResult {
	t.Helper()
	var found []*enginev1.ActionResult
	for stream.Receive() {
		for _, event := range stream.Msg().GetEvents() {
			if result := event.GetResult(); result != nil {
				found = append(found, result)
			} else if len(found) > 0 {
				t.Errorf("an event after the result: %v", event)
			}
		}
	}
	if err := stream.Err(); err != nil {
		t.Errorf("the stream broke: %v", err)
	}
	return found
}

func TestStreamsEndWithOneResult(t *testing.T) {
	path := start(t, newRunner())
	for _, useHTTP2 := range []bool{false, true} {
		client := dial(t, path, useHTTP2)
		act := &enginev1.ActionContext{OperationId: "one"}
		stream, err := client.Uninstall(context.Background(), &enginev1.UninstallRequest{Target: away("a"), Context: act})
		if err != nil {
			t.Fatal(err)
		}
		got := results(t, stream)
		if len(got) != 1 || got[0].GetError().GetCode() != "CLUSTER_UNREACHABLE" || got[0].GetChanged() {
			t.Errorf("HTTP/2 %t: %v", useHTTP2, got)
		}
	}
}

func TestManyStreamsAtOnce(t *testing.T) {
	client := dial(t, start(t, newRunner()), false)
	done := make(chan int, 20)
	for i := range cap(done) {
		go func() {
			act := &enginev1.ActionContext{OperationId: string(rune('a' + i))}
			stream, err := client.Rollback(context.Background(), &enginev1.RollbackRequest{Target: away("r"), Context: act})
			if err != nil {
				done <- 0
				return
			}
			done <- len(results(t, stream))
		}()
	}
	for range cap(done) {
		if count := <-done; count != 1 {
			t.Errorf("a stream had %d results", count)
		}
	}
}

func TestPanicsAreAnswers(t *testing.T) {
	// A runner that is not there makes every call panic.
	server := httptest.NewServer(handler(nil, slog.New(slog.DiscardHandler)))
	defer server.Close()
	client := enginev1connect.NewEngineServiceClient(server.Client(), server.URL)
	ctx := context.Background()
	stream, err := client.Install(ctx, &enginev1.InstallRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := results(t, stream); len(got) != 1 || got[0].GetError().GetCode() != "INTERNAL" {
		t.Errorf("install: %v", got)
	}
	codes := map[string]string{}
	if answer, err := client.Get(ctx, &enginev1.GetRequest{}); err == nil {
		codes["get"] = answer.GetError().GetCode()
	}
	if answer, err := client.History(ctx, &enginev1.HistoryRequest{}); err == nil {
		codes["history"] = answer.GetError().GetCode()
	}
	if answer, err := client.Status(ctx, &enginev1.StatusRequest{}); err == nil {
		codes["status"] = answer.GetError().GetCode()
	}
	if answer, err := client.Settle(ctx, &enginev1.SettleRequest{}); err == nil {
		codes["settle"] = answer.GetError().GetCode()
	}
	if answer, err := client.Render(ctx, &enginev1.RenderRequest{}); err == nil {
		codes["render"] = answer.GetError().GetCode()
	}
	for _, name := range []string{"get", "history", "status", "settle", "render"} {
		if codes[name] != "INTERNAL" {
			t.Errorf("%s answered %q", name, codes[name])
		}
	}
}

func TestRequestsAreBounded(t *testing.T) {
	client := dial(t, start(t, newRunner()), false)
	_, err := client.Render(context.Background(), &enginev1.RenderRequest{
		Values: &enginev1.Values{Documents: []string{strings.Repeat("x", maxMessage)}},
	})
	if connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("a request over the limit: %v", err)
	}
}

// fetching is an install whose chart comes from address.
func fetching(id, address string) *enginev1.InstallRequest {
	return &enginev1.InstallRequest{
		Target: away("r"), Context: &enginev1.ActionContext{OperationId: id},
		Chart: &enginev1.ChartReference{
			Source: &enginev1.ChartReference_Repository{Repository: &enginev1.RepositoryChart{Url: "http://" + address, Name: "demo"}},
			Egress: &enginev1.EgressPolicy{AllowLoopback: true},
		},
	}
}

func TestWhoeverIsGoneCancels(t *testing.T) {
	// A server that never answers holds the action until it is cancelled.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	runner := newRunner()
	client := dial(t, start(t, runner), false)
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := client.Install(ctx, fetching("gone", silent.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	if !stream.Receive() || runner.Running() != 1 {
		t.Fatalf("the action has not begun: %v", stream.Err())
	}
	cancel()
	deadline := time.Now().Add(5 * time.Second)
	for runner.Running() > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if runner.Running() > 0 {
		t.Error("the action goes on without its caller")
	}
}

func TestCancelEndsAFetch(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	client := dial(t, start(t, newRunner()), false)
	stream, err := client.Install(context.Background(), fetching("fetching", silent.Addr().String()))
	if err != nil || !stream.Receive() {
		t.Fatalf("the action has not begun: %v", err)
	}
	answer, err := client.Cancel(context.Background(), &enginev1.CancelRequest{OperationId: "fetching", Cause: "test"})
	if err != nil || !answer.GetFound() {
		t.Fatalf("cancel: %v %v", answer, err)
	}
	if got := results(t, stream); len(got) != 1 || got[0].GetError().GetCode() != "CANCELLED" || got[0].GetChanged() {
		t.Errorf("the result: %v", got)
	}
	gone, err := client.Cancel(context.Background(), &enginev1.CancelRequest{OperationId: "fetching"})
	if err != nil || gone.GetFound() {
		t.Errorf("a cancel after the end: %v %v", gone, err)
	}
}
