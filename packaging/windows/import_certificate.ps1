# Writes the certificate of CERTIFICATE (base64 of a .pfx) to a file, and tells the next steps where it is. Without it,
# does nothing and says so.
$ErrorActionPreference = "Stop"
if (-not $env:CERTIFICATE) {
    Write-Host "No certificate: the programs and the installer will not be signed."
    exit 0
}
$folder = if ($env:RUNNER_TEMP) { $env:RUNNER_TEMP } else { $env:TEMP }
$file = Join-Path $folder "signing.pfx"
[IO.File]::WriteAllBytes($file, [Convert]::FromBase64String($env:CERTIFICATE))
if ($env:GITHUB_ENV) { "WINDOWS_CERTIFICATE=$file" | Out-File -FilePath $env:GITHUB_ENV -Encoding utf8 -Append }
