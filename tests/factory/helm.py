"""Helm and kube-score, built from pinned source once, and the chart of `deploy/helm` rendered with them."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from auditseal_local.go_program import GoModule
from auditseal_local.progress import silent

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "auditseal"
HELM = GoModule(
    title="Helm",
    module="helm.sh/helm/v3",
    version="v3.19.2",
    digest="h1:psQjaM8aIWrSVEly6PgYtLu/y6MRSmok4ERiGhZmtUY=",
    pins=Path(__file__).parent / "helm_build",
    commands=("helm.sh/helm/v3/cmd/helm",),
)
KUBE_SCORE = GoModule(
    title="kube-score",
    module="github.com/zegl/kube-score",
    version="v1.20.0",
    digest="h1:J1VqK86SunV4Gg8emPTmwUVxe0rmXnAs5K9ZUbGMKR8=",
    pins=Path(__file__).parent / "kube_score_build",
    commands=("github.com/zegl/kube-score/cmd/kube-score",),
)
VALUES: dict[str, Any] = {
    "image": {"repository": "registry.example.com/auditseal", "digest": f"sha256:{'0' * 64}"},
    "cluster": "audit.example.com",
    "vault": "s3://audit-archive?region=eu-north-1",
    "kafka": {"bootstrapServers": "kafka-bootstrap.kafka:9093", "caSecret": "audit-cluster-ca-cert"},
    "store": {"credentialsSecret": "audit-store", "serviceAccountAnnotations": {"example.com/role": "reader"}},
    "trust": {"configMap": "audit-trust"},
    "record": {"environment": "production"},
    "sealer": {
        "keySecret": "audit-key",
        "secondKeySecret": "audit-second-key",
        "nextKeySecret": "audit-next-key",
        "nextSecondKeySecret": "audit-next-second-key",
        "genesis": True,
        "settings": {"block_age": 2, "second_key_expires": "2027-06-30"},
    },
    "archiver": {
        "retentionDays": 2555,
        "settings": {"encryption": "SSE-KMS", "kms_key": "1234abcd"},
        "credentialsSecret": "audit-writer",
        "serviceAccountAnnotations": {"example.com/role": "writer"},
    },
    "gateway": {
        "enabled": True,
        "clientsSecret": "audit-clients",
        "tlsSecret": "audit-gateway-tls",
        "clientCaSecret": "audit-clients-ca",
        "from": [{"namespaceSelector": {}}],
        "ingress": {"host": "audit.example.com", "className": "nginx", "tlsSecret": "audit-ingress-tls"},
        "settings": {"oidc.issuer": "https://id.example.com", "oidc.audience": "audit"}
        | {"oidc.jwks_url": "https://id.example.com/keys"},
    },
    "index": {"enabled": True, "place": "s3://audit-index/index?region=eu-north-1", "keySecret": "audit-index-key"},
    "streams": {"enabled": True, "expect": {"billing": 600, "records": 86400}},
    "explorer": {
        "enabled": True,
        "accessSecret": "audit-access",
        "tlsSecret": "audit-explorer-tls",
        "record": "strict",
        "ingress": {
            "host": "look.example.com",
            "tlsSecret": "audit-ingress-tls",
            "annotations": {"example.com/a": "b"},
        },
    },
    "networkPolicy": {"signerPorts": [8200], "loginPorts": [443]},
    "metrics": {"serviceMonitor": True, "prometheusRule": True},
    "strimzi": {"enabled": True, "cluster": "audit", "producerUsers": ["producer"]},
}
"""Values with everything switched on."""


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Helm."""
    (binary,) = HELM.binaries(silent)
    return subprocess.run([binary, *arguments], capture_output=True, text=True, check=False, timeout=120)


def rendered(values: Path, kubernetes: str) -> str:
    """Return the chart's objects as YAML, for a version of Kubernetes such as `1.34`."""
    done = helm("template", "audit", str(CHART), "--values", str(values), "--kube-version", f"{kubernetes}.0")
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects in a YAML text."""
    return [each for each in yaml.safe_load_all(text) if each]
