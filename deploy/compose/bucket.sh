# Make the bucket with Object Lock, and two users with the least rights. It runs in MinIO's image, and does nothing twice.
set -eu
mc --quiet alias set store http://minio:9000 root "$(cat /run/secrets/minio_root_password)"
if mc ls store/audit-archive; then exit 0; fi
for name in archiver auditor; do
    mc admin user add store "$name" "$(cat "/run/secrets/${name}_key")"
    mc admin policy create store "$name" "/rights/s3-$name.json"
    mc admin policy attach store "$name" --user "$name" || mc admin policy entities store --user "$name"
done
mc mb --with-lock store/audit-archive
