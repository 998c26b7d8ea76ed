package actions

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"

	"helm.sh/helm/v4/pkg/kube"
	release "helm.sh/helm/v4/pkg/release/v1"
)

// update asks the API server what the upgrade, or an install over what is
// there, makes of an object, as Helm's client would.
func (p *plan) update(originals kube.ResourceList, target *resource.Info) error {
	options, server := p.options(), p.serverSide()
	if server && p.install == nil && p.current.ApplyMethod != string(release.ApplyMethodServerSideApply) {
		return p.migrate(originals, target)
	}
	_, err := p.client.Client.Update(originals, kube.ResourceList{target},
		kube.ClientUpdateOptionForceReplace(options.GetForceReplace()),
		kube.ClientUpdateOptionServerSideApply(server, options.GetForceConflicts()),
		kube.ClientUpdateOptionThreeWayMergeForUnstructured(p.install != nil && options.GetTakeOwnership() && !server))
	return err
}

// migrate is the upgrade that applies server-side what was applied client-side
// before, by Helm 3 for one. Helm first hands the fields over from the one way
// to the other, and of that a dry run stores nothing: to the API server the
// fields are still the old way's. So it says who else is in conflict, and the
// client-side merge, which is that of the fields handed over, what becomes of it.
func (p *plan) migrate(originals kube.ResourceList, target *resource.Info) error {
	force := p.options().GetForceConflicts()
	err := p.applied(originals, target, force)
	if !force && isOwnConflict(err) {
		err = p.applied(originals, target, true)
	}
	if err != nil {
		return err
	}
	_, err = p.client.Client.Update(originals, kube.ResourceList{target}, kube.ClientUpdateOptionServerSideApply(false, false))
	return err
}

// applied applies a copy of an object server-side.
func (p *plan) applied(originals kube.ResourceList, target *resource.Info, force bool) error {
	copied := *target
	copied.Object = target.Object.DeepCopyObject()
	_, err := p.client.Client.Update(originals, kube.ResourceList{&copied}, kube.ClientUpdateOptionServerSideApply(true, force))
	return err
}

// isOwnConflict tells of a conflict that it is with nobody but Helm.
func isOwnConflict(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	for _, cause := range status.Status().Details.Causes {
		isOwn := strings.HasPrefix(cause.Message, fmt.Sprintf("conflict with %q", kube.ManagedFieldsManager))
		if cause.Type != metav1.CauseTypeFieldManagerConflict || !isOwn {
			return false
		}
	}
	return true
}
