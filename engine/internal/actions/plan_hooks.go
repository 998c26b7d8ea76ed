package actions

import (
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"

	"helm.sh/helm/v4/pkg/kube"
	release "helm.sh/helm/v4/pkg/release/v1"

	"berth.dev/engine/gen/enginev1"
)

// hooks asks about the hooks that would run.
func (p *plan) hooks(running []*release.Hook) []*enginev1.PlannedHook {
	shown := toHooks(running)
	plans := make([]*enginev1.PlannedHook, len(running))
	p.each(len(running), func(i int) {
		plans[i] = &enginev1.PlannedHook{Hook: shown[i]}
		if err := p.askHook(running[i]); err != nil {
			plans[i].Error = classify(err, nil).Proto()
		}
	})
	return plans
}

// askHook does a hook's deletion and creation as Helm will. What is made before
// the hook runs, its namespace or its definition, nobody can be asked about.
func (p *plan) askHook(hook *release.Hook) error {
	if p.blind {
		return nil
	}
	for _, one := range p.split(hook.Manifest) {
		if one.info == nil {
			continue
		}
		exists, err := p.askDeletion(hook, one.info)
		if err != nil {
			return err
		}
		if exists && isReplaced(hook) {
			err = p.askReplacement(one.info)
		} else {
			err = p.askCreation(one.info)
		}
		if err != nil && !isForWhatIsMissing(err) {
			return err
		}
	}
	return nil
}

// isReplaced tells whether a hook's object is deleted before it is made anew.
// Helm never deletes a definition.
func isReplaced(hook *release.Hook) bool {
	return hook.Kind != "CustomResourceDefinition" &&
		(len(hook.DeletePolicies) == 0 || slices.Contains(hook.DeletePolicies, release.HookBeforeHookCreation))
}

// askDeletion asks for the deletion of a hook's object, and tells whether there
// is one. Each policy deletes at some time.
func (p *plan) askDeletion(hook *release.Hook, info *resource.Info) (bool, error) {
	helper := resource.NewHelper(info.Client, info.Mapping)
	if hook.Kind == "CustomResourceDefinition" {
		_, err := helper.Get(info.Namespace, info.Name)
		return err == nil, nil
	}
	policy := metav1.DeletePropagationBackground
	_, err := helper.DeleteWithOptions(info.Namespace, info.Name, &metav1.DeleteOptions{PropagationPolicy: &policy})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func (p *plan) askCreation(info *resource.Info) error {
	_, err := p.client.Client.Create(kube.ResourceList{info}, kube.ClientCreateOptionServerSideApply(p.serverSide(), false))
	return err
}

// askReplacement asks for the creation of an object that is there still. To a
// creation the API server says so last, after all else is in order; applied to
// the object that will be gone, only a refusal of the right counts.
func (p *plan) askReplacement(info *resource.Info) error {
	_, err := resource.NewHelper(info.Client, info.Mapping).Create(info.Namespace, false, info.Object)
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if !p.serverSide() {
		return nil
	}
	if err := p.askCreation(info); apierrors.IsForbidden(err) {
		return err
	}
	return nil
}

// isForWhatIsMissing tells whether an object is refused for something that a
// hook or object before it may make: a namespace, a role, a service account.
func isForWhatIsMissing(err error) bool {
	return apierrors.IsNotFound(err) || strings.Contains(err.Error(), "error looking up service account")
}
