package actions

import (
	"context"
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"

	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/cluster"
	"berth.dev/engine/internal/progress"
)

// Check says what of the newest revision's objects is not as its manifest has
// them. Every mutation it sends goes through a transport that makes a dry run of it.
func (r *Runner) Check(ctx context.Context, request *enginev1.CheckRequest) *enginev1.CheckResponse {
	response, err := r.check(ctx, request)
	if err != nil {
		return &enginev1.CheckResponse{Error: classify(err, nil).Proto()}
	}
	return response
}

func (r *Runner) check(ctx context.Context, request *enginev1.CheckRequest) (*enginev1.CheckResponse, error) {
	s, err := r.openTo(does{through: cluster.DryRun, reads: true}, request.GetTarget(), &enginev1.ActionContext{}, progress.New(nil))
	if err != nil {
		return nil, err
	}
	defer s.cancel()
	defer context.AfterFunc(ctx, s.cancel)()
	rel, err := s.revision(0)
	if err != nil {
		return nil, err
	}
	if rel.Info.Status == common.StatusUninstalled {
		return nil, notFound(s.target)
	}
	pieces := s.split(rel.Manifest)
	response := &enginev1.CheckResponse{Release: toRelease(rel), Objects: make([]*enginev1.CheckedObject, len(pieces))}
	s.each(len(pieces), func(i int) { response.Objects[i] = s.checkObject(pieces[i]) })
	return response, s.wait.Err()
}

func (s *session) checkObject(one *piece) *enginev1.CheckedObject {
	made := &enginev1.CheckedObject{Object: one.reference(), State: enginev1.CheckState_CHECK_STATE_UNKNOWN, Error: one.failure}
	if one.info == nil {
		return made
	}
	made.Object.Namespace = one.info.Namespace
	live, err := resource.NewHelper(one.info.Client, one.info.Mapping).Get(one.info.Namespace, one.info.Name)
	if apierrors.IsNotFound(err) {
		made.State = enginev1.CheckState_CHECK_STATE_MISSING
		return made
	}
	var wanted *unstructured.Unstructured
	if err == nil {
		wanted, err = s.reapplied(one.info)
	}
	if err != nil {
		made.Error = classify(err, nil).Proto()
		return made
	}
	made.Fields = driftOf(toUnstructured(live), wanted)
	made.State = enginev1.CheckState_CHECK_STATE_IN_SYNC
	if len(made.GetFields()) > 0 {
		made.State = enginev1.CheckState_CHECK_STATE_DRIFTED
	}
	return made
}

// reapplied is what the API server would make of an object if it were applied
// again. Whoever else has written a field of the manifest loses it in that: a
// conflict is a drift.
func (s *session) reapplied(info *resource.Info) (*unstructured.Unstructured, error) {
	if err := s.own(info); err != nil {
		return nil, err
	}
	text, err := json.Marshal(info.Object)
	if err != nil {
		return nil, err
	}
	force := true
	helper := resource.NewHelper(info.Client, info.Mapping).WithFieldManager(kube.ManagedFieldsManager)
	after, err := helper.Patch(info.Namespace, info.Name, types.ApplyPatchType, text, &metav1.PatchOptions{Force: &force})
	return toUnstructured(after), err
}
