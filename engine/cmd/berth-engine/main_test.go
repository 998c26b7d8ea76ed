package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/gen/enginev1/enginev1connect"
)

// asEngine makes the test's own binary the engine.
const asEngine = "BERTH_TEST_AS_ENGINE"

func TestMain(m *testing.M) {
	if os.Getenv(asEngine) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a running engine.
type process struct {
	*exec.Cmd
	socket string
	stdin  io.Closer
	stdout *bufio.Reader
	stderr *strings.Builder
}

// launch starts an engine and waits until it listens.
func launch(t *testing.T, flags ...string) *process {
	t.Helper()
	directory, err := os.MkdirTemp("", "be")
	if err != nil {
		t.Fatal(err)
	}
	made := &process{socket: filepath.Join(directory, "s"), stderr: &strings.Builder{}}
	made.Cmd = exec.Command(os.Args[0], append([]string{"--socket", made.socket}, flags...)...) //nolint:gosec // this test
	made.Env = append(os.Environ(), asEngine+"=1", "HELM_DEBUG=true")
	made.Stderr = made.stderr
	stdin, err := made.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := made.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	made.stdin, made.stdout = stdin, bufio.NewReader(stdout)
	if err := made.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = made.Process.Kill()
		_ = made.Wait()
		_ = os.RemoveAll(directory)
	})
	if said := made.line(t); said["ready"] != true {
		t.Fatalf("the engine says %v", said)
	}
	return made
}

// line reads one line of what the engine says.
func (p *process) line(t *testing.T) map[string]any {
	t.Helper()
	text, err := p.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("the engine said nothing: %v", err)
	}
	var said map[string]any
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return said
}

func (p *process) client() enginev1connect.EngineServiceClient {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", p.socket)
	}}
	return enginev1connect.NewEngineServiceClient(&http.Client{Transport: transport}, "http://engine")
}

// ended waits until the engine has ended and gives its exit code.
func (p *process) ended(t *testing.T) int {
	t.Helper()
	late := time.AfterFunc(20*time.Second, func() { _ = p.Process.Kill() })
	defer late.Stop()
	var failed *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.socket); err == nil && p.ProcessState.ExitCode() == 0 {
		t.Error("the socket is left behind")
	}
	return p.ProcessState.ExitCode()
}

func TestEndsWithItsInput(t *testing.T) {
	engine := launch(t)
	if err := engine.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if code := engine.ended(t); code != 0 {
		t.Errorf("exit code %d: %s", code, engine.stderr)
	}
}

func TestEndsOnSIGTERM(t *testing.T) {
	engine := launch(t)
	if err := engine.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := engine.ended(t); code != 0 {
		t.Errorf("exit code %d: %s", code, engine.stderr)
	}
}

func TestAStopCancelsWhatRuns(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	engine := launch(t)
	stream, err := engine.client().Install(context.Background(), &enginev1.InstallRequest{
		Target:  &enginev1.Target{Cluster: &enginev1.Cluster{Server: "http://127.0.0.1:1"}, Namespace: "default", Release: "r"},
		Context: &enginev1.ActionContext{OperationId: "running"},
		Chart: &enginev1.ChartReference{
			Source: &enginev1.ChartReference_Repository{Repository: &enginev1.RepositoryChart{Url: "http://" + silent.Addr().String(), Name: "demo"}},
			Egress: &enginev1.EgressPolicy{AllowLoopback: true},
		},
	})
	if err != nil || !stream.Receive() {
		t.Fatalf("the action has not begun: %v", err)
	}
	if err := engine.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	var result *enginev1.ActionResult
	for stream.Receive() {
		for _, event := range stream.Msg().GetEvents() {
			result = event.GetResult()
		}
	}
	if result.GetError().GetCode() != "CANCELLED" {
		t.Errorf("the action ended as %v (%v)", result, stream.Err())
	}
	if code := engine.ended(t); code != 0 {
		t.Errorf("exit code %d: %s", code, engine.stderr)
	}
}

func TestARenderThatDoesNotEnd(t *testing.T) {
	root := filepath.Join(t.TempDir(), "endless")
	if err := os.MkdirAll(filepath.Join(root, "templates"), 0o750); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"Chart.yaml":       "apiVersion: v2\nname: endless\nversion: 1.0.0\n",
		"templates/a.yaml": "{{ range 1000000000000 }}{{ end }}",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	request := &enginev1.RenderRequest{
		Target: &enginev1.Target{Cluster: &enginev1.Cluster{Server: "http://127.0.0.1:1"}, Namespace: "default", Release: "r"},
		Chart:  &enginev1.ChartReference{Source: &enginev1.ChartReference_Path{Path: root}},
	}
	engine := launch(t, "--allow-local-charts", "--render-timeout", "200ms")
	if answer, err := engine.client().Render(context.Background(), request); err == nil {
		t.Errorf("it was rendered: %v", answer)
	}
	digest, _ := engine.line(t)["renderOverrun"].(string)
	if code := engine.ended(t); code != overrunExit {
		t.Errorf("exit code %d: %s", code, engine.stderr)
	}

	warned := launch(t, "--allow-local-charts", "--render-timeout", "10s", "--refuse-chart", digest)
	answer, err := warned.client().Render(context.Background(), request)
	if err != nil || answer.GetError().GetCode() != "RENDER_TIMEOUT" || answer.GetError().GetDetails()["digest"] != digest {
		t.Errorf("the chart is not refused: %v %v", answer, err)
	}
}

func TestRefusesToStart(t *testing.T) {
	for name, flags := range map[string][]string{"no socket": {}, "no directory": {"--socket", filepath.Join(t.TempDir(), "none", "s")}} {
		command := exec.Command(os.Args[0], flags...) //nolint:gosec // this test
		command.Env = append(os.Environ(), asEngine+"=1")
		output, err := command.CombinedOutput()
		if err == nil || !json.Valid([]byte(strings.TrimSpace(string(output)))) {
			t.Errorf("%s: %v, %s", name, err, output)
		}
	}
}
