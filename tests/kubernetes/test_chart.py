# SPDX-License-Identifier: Apache-2.0
"""The chart as Helm renders it: what its values mean, what its schema refuses, and that the plain
manifests are those of the chart."""

import json
import os
import re
import subprocess

import pytest
import yaml
from programs import manifest, program
from support.paths import MONODON, ROOT

KUBERNETES = ROOT / "packaging/kubernetes"
CHART = KUBERNETES / "monodon"
# A Helm that was not compiled by its makers takes the cluster for an old one.
VERSION = ["--kube-version", "1.32.0"]
SETTINGS = (ROOT / "conf/monodon.yaml").read_text(encoding="utf-8")


def helm(*arguments):
    return subprocess.run([str(program("helm")), *arguments], capture_output=True, text=True,
                          check=False, cwd=KUBERNETES)


def rendered(*options):
    """{kind: document}"""
    done = helm("template", "shop", "monodon", *VERSION, *options)
    assert done.returncode == 0, done.stderr
    return {one["kind"]: one for one in yaml.safe_load_all(done.stdout) if one}


def pod(*options):
    return rendered(*options)["Deployment"]["spec"]["template"]


def server(*options):
    found, = pod(*options)["spec"]["containers"]
    return found


@pytest.fixture(scope="module")
def api():
    """Asks Kubernetes' own code about manifests; gives what it complains of."""
    reader = manifest()

    def ask(text):
        done = subprocess.run([reader], input=text, capture_output=True, text=True, check=False)
        assert done.stdout.count("\n") or done.returncode != 0
        return done.stderr
    return ask


def text_of(*options):
    done = helm("template", "shop", "monodon", *VERSION, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Every value that is empty by default.
EVERYTHING = """
image: {repository: a/b, tag: "2", pullPolicy: Always, pullSecrets: [registry]}
settings: {bind: ["0.0.0.0:8001", "0.0.0.0:8002"]}
reloader: {enabled: true, resources: {limits: {cpu: "1", memory: 9Mi}}}
env: [{name: A, value: b}]
envFrom: [{secretRef: {name: shop}}]
tmp: {medium: Memory, sizeLimit: 100Mi}
volumes: [{name: media, persistentVolumeClaim: {claimName: media}}]
volumeMounts: [{name: media, mountPath: /site/media}]
service: {type: NodePort, port: 8080, annotations: {a: b}}
networkPolicy: {enabled: true, from: [{podSelector: {}}], metricsFrom: []}
autoscaling: {enabled: true}
podLabels: {a: b}
podAnnotations: {a: b}
nodeSelector: {a: b}
tolerations: [{key: a, operator: Exists}]
affinity: {podAntiAffinity: {}}
priorityClassName: high
topologySpread: {enabled: true, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}
"""


def test_kubernetes_knows_every_field_and_finds_the_pods_restricted(api, tmp_path):
    values = tmp_path / "values.yaml"
    values.write_text(EVERYTHING, encoding="utf-8")
    assert api(text_of()) == ""
    assert api(text_of("-f", str(values))) == ""
    for kept in (KUBERNETES / "manifests").iterdir():
        assert api(kept.read_text("utf-8")) == ""


@pytest.mark.parametrize("good, bad, told", [
    ("minReadySeconds", "minReadySecond", 'unknown field "spec.minReadySecond"'),
    ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: 7", "cannot unmarshal"),
    ("runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"),
    ("drop: [ALL]", "drop: []", "capabilities"),
    ("type: RuntimeDefault", "type: Unconfined", "seccompProfile"),
], ids=lambda value: value.split(":")[0])
def test_kubernetes_would_refuse(api, good, bad, told):
    text = text_of()
    assert good in text and told in api(text.replace(good, bad))


def test_helm_has_nothing_to_say():
    done = helm("lint", "--strict", "monodon", *VERSION)
    assert done.returncode == 0, done.stdout


def test_the_plain_manifests_are_those_of_the_chart(tmp_path):
    made = tmp_path / "kubernetes"
    subprocess.run(["cp", "-r", KUBERNETES, made], check=True)
    subprocess.run([made / "render"], check=True, env=os.environ | {"HELM": str(program("helm"))})
    for path in (made / "manifests").iterdir():
        kept = KUBERNETES / "manifests" / path.name
        assert kept.read_text("utf-8") == path.read_text("utf-8"), "run packaging/kubernetes/render"


@pytest.mark.parametrize("options, told", [
    (["replicas=-1"], "replicas"),
    (["replica=3"], "replica"),
    (["settings.worker=2"], "settings"),
    (["settings.bind=unix:/run/a.sock"], "bind"),
    (["settings.metrics_bind=127.0.0.1:9117"], "metrics_bind"),
    (["runAsUser=0"], "runAsUser"),
    (["autoscaling.saturation=60"], "saturation"),
    (["image.tag=a b"], "tag"),
    (["probes.readiness.period=2"], "readiness"),
], ids=lambda value: value[0] if isinstance(value, list) else "")
def test_the_schema_refuses(options, told):
    done = helm("template", "shop", "monodon", *VERSION, *(f"--set={one}" for one in options))
    assert done.returncode != 0 and told in done.stderr, done.stderr


def test_the_schema_knows_the_settings_of_the_server_and_no_other():
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    known = schema["properties"]["settings"]["propertyNames"]["enum"]
    assert known == sorted(set(re.findall(r"(?m)^#(\w+):", SETTINGS)))


def test_every_value_is_described_in_the_schema_and_every_one_of_it_is_a_value():
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))

    def compare(of_schema, of_values, path):
        assert of_schema.get("description") or path == "", path
        if of_schema.get("additionalProperties") is False and "properties" in of_schema:
            names = set(of_schema["properties"]) - {"global"}
            assert names == set(of_values) or path.endswith("resources"), path
            for name in names & set(of_values):
                inner = of_schema["properties"][name]
                if isinstance(of_values[name], dict):
                    compare(inner, of_values[name], f"{path}.{name}")
                else:
                    assert inner.get("description"), f"{path}.{name}"

    compare(schema, values, "")


def test_what_needs_a_restart_is_what_the_server_says():
    marked = set()
    for block in SETTINGS.split("\n\n"):
        comment, _, key = block.strip().rpartition("\n")
        if " ".join(comment.replace("\n#", " ").split()).endswith("restart)"):
            marked.add(re.match(r"#(\w+):", key)[1])
    helpers = (CHART / "templates/_helpers.tpl").read_text("utf-8")
    picked = re.search(r"(?s)pick \.Values\.settings(.*?)\|", helpers)[1]
    assert set(re.findall(r'"(\w+)"', picked)) == marked and len(marked) > 10


def test_a_setting_that_can_be_reloaded_leaves_the_pods_alone():
    before = pod()
    assert pod("--set=settings.threads=9") == before
    assert rendered("--set=settings.threads=9")["ConfigMap"] != rendered()["ConfigMap"]
    assert pod("--set=settings.bind=0.0.0.0:8001") != before
    assert pod("--set=settings.threads=9", "--set=reloader.enabled=false") != pod(
        "--set=reloader.enabled=false")


def test_the_server_takes_the_settings_of_the_chart(tmp_path):
    tmp_path.joinpath("monodon.yaml").write_text(rendered()["ConfigMap"]["data"]["monodon.yaml"])
    done = subprocess.run([MONODON, "check", "--no-app"], cwd=tmp_path, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ports_follow_the_settings():
    ports = server("--set=settings.bind=0.0.0.0:8123", "--set=settings.metrics_bind=0.0.0.0:9999")
    assert {one["name"]: one["containerPort"] for one in ports["ports"]} == {
        "http": 8123, "metrics": 9999}


def test_containers_are_restricted():
    spec = pod()["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
    for one in [*spec["initContainers"], *spec["containers"]]:
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]}}


def test_the_grace_period_is_longer_than_the_server_may_take():
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    seconds = [int(values["settings"][name].rstrip("s"))
               for name in ("stop_delay", "graceful_timeout")]
    assert values["terminationGracePeriodSeconds"] > sum(seconds)


def test_each_part_can_be_turned_off_and_on():
    assert {"ConfigMap", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"} == set(
        rendered())
    assert {"ConfigMap", "Deployment", "Service", "HorizontalPodAutoscaler", "PodMonitor"} == set(
        rendered("--set=podDisruptionBudget.enabled=false", "--set=networkPolicy.enabled=false",
                 "--set=autoscaling.enabled=true", "--set=podMonitor.enabled=true"))
    assert "replicas" not in rendered("--set=autoscaling.enabled=true")["Deployment"]["spec"]
