"""The files of `deploy/rights` as they are: Kafka's ACLs as bindings, and a policy of S3 as credentials under it."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import boto3
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from auditseal_local.minio import REGION, MinioNode

RIGHTS = Path(__file__).parents[2] / "deploy" / "rights"
BUCKET = "audit-archive"
"""The bucket that the policies name."""
_OPERATIONS = {operation.name.replace("_", "").lower(): operation for operation in AclOperation}


def acl_lines() -> list[str]:
    """Return the arguments of `kafka-acls.sh`, one line a rule."""
    return [line for line in (RIGHTS / "kafka-acls.txt").read_text().splitlines() if not line.startswith("#")]


def acl_bindings(line: str) -> Iterator[AclBinding]:
    """Yield the bindings that `kafka-acls.sh --add` makes of a line."""
    parser = ArgumentParser(allow_abbrev=False)
    for name in ("allow-principal", "operation", "topic", "group", "transactional-id"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--resource-pattern-type", choices=["literal", "prefixed"], default="literal")
    given = parser.parse_args(line.split())
    pattern = ResourcePatternType[given.resource_pattern_type.upper()]
    resources = [(ResourceType.TOPIC, name) for name in given.topic]
    resources += [(ResourceType.GROUP, name) for name in given.group]
    resources += [(ResourceType.TRANSACTIONAL_ID, name) for name in given.transactional_id]
    for principal in given.allow_principal:
        for kind, name in resources:
            for operation in given.operation:
                allowed = _OPERATIONS[operation.lower()]
                yield AclBinding(kind, name, pattern, principal, "*", allowed, AclPermissionType.ALLOW)


def credentials_under(minio: MinioNode, policy: str) -> dict[str, str]:
    """Return the variables of temporary credentials that may do what a policy file allows, and nothing else."""
    sts = boto3.client(
        "sts",
        endpoint_url=minio.endpoint,
        region_name=REGION,
        aws_access_key_id=minio.access_key,
        aws_secret_access_key=minio.secret_key,
    )
    text = (RIGHTS / policy).read_text()
    answer = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/any", RoleSessionName="test", Policy=text)
    made = answer["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
        "AWS_DEFAULT_REGION": REGION,
    }
