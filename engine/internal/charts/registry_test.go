package charts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// A registry whose list of tags never ends is not listened to forever, be its
// pages large or empty.
func TestAnEndlessListOfTagsIsRefused(t *testing.T) {
	for _, size := range []int{0, 1, tagsPerPage} {
		pages := 0
		server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
			if pages++; request.URL.Path != "/v2/charts/demo/tags/list" || pages == 1 && request.URL.Query().Get("n") != "1000" {
				t.Errorf("asked for %s", request.URL)
			}
			tags := make([]string, size)
			for i := range tags {
				tags[i] = fmt.Sprintf("1.%d.%d", pages, i)
			}
			response.Header().Set("Link", fmt.Sprintf(`</v2/charts/demo/tags/list?last=%d>; rel="next"`, pages))
			_ = json.NewEncoder(response).Encode(map[string][]string{"tags": tags})
		}))
		_, total, err := NewLibrary(false).Versions(context.Background(), &enginev1.ListVersionsRequest{Limit: 10, Chart: &enginev1.ChartReference{
			Source: &enginev1.ChartReference_Oci{Oci: &enginev1.OciChart{Reference: strings.TrimPrefix(server.URL, "http://") + "/charts/demo"}},
			Egress: &enginev1.EgressPolicy{AllowLoopback: true}, Access: &enginev1.SourceAccess{PlainHttp: true},
		}})
		server.Close()
		if ours, ok := problem.As(err); !ok || ours.Code != "CHART_FETCH_FAILED" {
			t.Errorf("pages of %d: %d versions, %v", size, total, err)
		}
		if pages > maxTagPages {
			t.Errorf("pages of %d: %d were read", size, pages)
		}
	}
}
