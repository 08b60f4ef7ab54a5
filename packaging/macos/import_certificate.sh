#!/usr/bin/env bash
# Puts the certificate of MACOS_CERTIFICATE (base64 of a .p12) into a keychain of its own, for codesign. Without it,
# does nothing and says so.
set -euo pipefail
if [ -z "${MACOS_CERTIFICATE:-}" ]; then
  echo "No MACOS_CERTIFICATE: the app will get an ad-hoc signature."
  exit 0
fi
keychain="${RUNNER_TEMP:-/tmp}/signing.keychain-db"
secret=$(openssl rand -hex 16)
p12=$(mktemp)
trap 'rm -f "$p12"' EXIT
printf %s "$MACOS_CERTIFICATE" | base64 --decode > "$p12"
security create-keychain -p "$secret" "$keychain"
security set-keychain-settings -lut 7200 "$keychain"
security unlock-keychain -p "$secret" "$keychain"
security import "$p12" -k "$keychain" -P "${MACOS_CERTIFICATE_PASSWORD:-}" -T /usr/bin/codesign
security set-key-partition-list -S apple-tool:,apple: -s -k "$secret" "$keychain" > /dev/null
security list-keychains -d user -s "$keychain" login.keychain-db
