import assert from "node:assert/strict";
import { test } from "node:test";

import { exposureService, releaseService } from "@berth/contract";
import { create } from "@bufbuild/protobuf";
import type { DescMethod, Message } from "@bufbuild/protobuf";

import { toRestRequest } from "./rest-request.ts";

const at = { cluster: "local", namespace: "a b" };

function requestOf(method: DescMethod, message: Message): string {
  const { verb, path, body } = toRestRequest(method, message);
  return `${verb} ${path}${body === undefined ? "" : ` ${body}`}`;
}

test("a message becomes the path, the query and the body that its method's HTTP rule wants", () => {
  const { method: releases } = releaseService.ReleaseService;
  const { method: exposures } = exposureService.ExposureService;
  const inside = "/v1/clusters/local/namespaces/a%20b";
  const list = { ...at, status: ["failed", "deployed"], pageSize: 5, stuck: true };
  assert.equal(
    requestOf(releases.listReleases, create(releaseService.ListReleasesRequestSchema, list)),
    `GET ${inside}/releases?status=failed&status=deployed&page_size=5&stuck=true`,
  );
  const all = create(releaseService.ListReleasesRequestSchema, { cluster: "local" });
  assert.equal(requestOf(releases.listReleases, all), "GET /v1/clusters/local/releases");
  const options = { wait: true, timeout: { seconds: 90n } };
  const uninstall = create(releaseService.UninstallReleaseRequestSchema, { ...at, name: "x", options });
  assert.equal(
    requestOf(releases.uninstallRelease, uninstall),
    `DELETE ${inside}/releases/x?options.wait=true&options.timeout=90s`,
  );
  const rollback = create(releaseService.RollbackReleaseRequestSchema, { ...at, name: "x/y", revision: 2 });
  assert.equal(requestOf(releases.rollbackRelease, rollback), `POST ${inside}/releases/x%2Fy:rollback {"revision":2}`);
  const expose = { service: "web", servicePort: 80 };
  const made = create(exposureService.CreateExposureRequestSchema, { ...at, expose, validateOnly: true });
  assert.equal(
    requestOf(exposures.createExposure, made),
    `POST ${inside}/exposures?validate_only=true {"service":"web","service_port":80}`,
  );
});

test("a path that has a hole is refused, and leads nowhere else", () => {
  const { method } = releaseService.ReleaseService;
  const unnamed = create(releaseService.GetReleaseRequestSchema, at);
  assert.throws(() => toRestRequest(method.getRelease, unnamed), { code: "INVALID_ARGUMENT", field: "name" });
});
