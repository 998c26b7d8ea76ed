package actions

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/store"
)

const berthLabels = "berth.dev/"

// recordName is the name of the object that holds a revision.
func recordName(rel *release.Release) string {
	return fmt.Sprintf("%s.%s.v%d", storage.HelmStorageType, rel.Name, rel.Version)
}

func toRelease(rel *release.Release) *enginev1.Release {
	made := &enginev1.Release{
		Name: rel.Name, Namespace: rel.Namespace, Revision: int32(rel.Version),
		Labels: map[string]string{}, ApplyMethod: rel.ApplyMethod,
		FirstService: firstService(rel.Manifest),
	}
	made.OperationId, made.Provenance = store.Provenance(rel)
	if found := managerIn(rel.Manifest); found != nil {
		made.ManagedBy = found.by
	}
	system := driver.GetSystemLabels()
	for key, value := range rel.Labels {
		if !strings.HasPrefix(key, berthLabels) && !slices.Contains(system, key) {
			made.Labels[key] = value
		}
	}
	if info := rel.Info; info != nil {
		made.Status, made.Description = info.Status.String(), info.Description
		made.FirstDeployed, made.LastDeployed, made.Deleted = toTime(info.FirstDeployed), toTime(info.LastDeployed), toTime(info.Deleted)
	}
	if rel.Chart != nil && rel.Chart.Metadata != nil {
		metadata := rel.Chart.Metadata
		made.ChartName, made.ChartVersion, made.AppVersion = metadata.Name, metadata.Version, metadata.AppVersion
	}
	return made
}

func firstService(manifest string) string {
	for _, document := range documents(manifest) {
		// Reading YAML costs more than all else here.
		if !strings.Contains(document, "Service") {
			continue
		}
		for _, object := range heads(document) {
			if object.Kind == "Service" && object.APIVersion == "v1" {
				return object.Metadata.Name
			}
		}
	}
	return ""
}

func toRendered(rel *release.Release) *enginev1.RenderResponse {
	size, _ := EncodedSize(rel)
	return &enginev1.RenderResponse{
		Manifest: rel.Manifest, Notes: rel.Info.Notes, Hooks: toHooks(rel.Hooks), EncodedSize: int64(size),
	}
}

func toHooks(hooks []*release.Hook) []*enginev1.Hook {
	made := make([]*enginev1.Hook, 0, len(hooks))
	for _, hook := range hooks {
		one := &enginev1.Hook{
			Name: hook.Name, Kind: hook.Kind, Path: hook.Path, Weight: int32(hook.Weight), Manifest: hook.Manifest,
			LastPhase: hook.LastRun.Phase.String(), LastStarted: toTime(hook.LastRun.StartedAt), LastCompleted: toTime(hook.LastRun.CompletedAt),
		}
		for _, event := range hook.Events {
			one.Events = append(one.Events, event.String())
		}
		for _, policy := range hook.DeletePolicies {
			one.DeletePolicies = append(one.DeletePolicies, policy.String())
		}
		made = append(made, one)
	}
	return made
}

func toTime(at time.Time) *timestamppb.Timestamp {
	if at.IsZero() {
		return nil
	}
	return timestamppb.New(at)
}
