; Inno Setup: a per-user installer that needs no administrator, and that upgrades in place.
; packaging/windows_installer.py calls ISCC with /DVersion, /DBundle, /DOutput, /DName.
#define Title "ResNet Explorer"
#define Window "ResNetExplorer.exe"

[Setup]
; The same for every version: an installer with this id replaces the one before it.
AppId={{6B2E5E0A-8F0C-4B7B-9C37-5E7C0A2D9A41}
AppName={#Title}
AppVersion={#Version}
AppVerName={#Title} {#Version}
AppPublisher=The ResNet Explorer authors
VersionInfoVersion={#VersionNumbers}
DefaultDirName={autopf}\ResNet Explorer
DefaultGroupName={#Title}
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
OutputDir={#Output}
OutputBaseFilename={#Name}
SetupIconFile=..\..\assets\icon\resnet-explorer.ico
UninstallDisplayIcon={app}\{#Window}
LicenseFile=..\..\LICENSE
Compression=lzma2/fast
SolidCompression=no
; More than 2 GB of CUDA need the installer's data in several files.
#ifdef Spanning
DiskSpanning=yes
DiskSliceSize=2000000000
#endif
WizardStyle=modern
DisableProgramGroupPage=yes
; The window and its engine are asked to close, so that their files can be replaced.
CloseApplications=yes
RestartApplications=no
ChangesAssociations=yes
ChangesEnvironment=yes

[Tasks]
Name: desktopicon; Description: "Put an icon on the desktop"; Flags: unchecked
Name: openwith; Description: "Offer it under “Open with” for pictures and models"
Name: path; Description: "Make the command “resnet-explorer” known to terminals"; Flags: unchecked

[InstallDelete]
; A library that a newer version does not bring any more must not be found by it.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Bundle}\*"; DestDir: "{app}"; Flags: recursesubdirs createallsubdirs ignoreversion

[Icons]
Name: "{group}\{#Title}"; Filename: "{app}\{#Window}"; AppUserModelID: "io.github.resnet_explorer.ResNetExplorer"
Name: "{autodesktop}\{#Title}"; Filename: "{app}\{#Window}"; Tasks: desktopicon

[Registry]
#define Kinds "Software\Classes\Applications\" + Window
Root: HKA; Subkey: "{#Kinds}"; ValueType: string; ValueName: "FriendlyAppName"; ValueData: "{#Title}"; Flags: uninsdeletekey; Tasks: openwith
Root: HKA; Subkey: "{#Kinds}\shell\open\command"; ValueType: string; ValueData: """{app}\{#Window}"" ""%1"""; Tasks: openwith
; One line for each suffix of bundle_identity.FILE_KINDS, written by windows_installer.py.
#include "suffixes.iss"
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; Check: NotOnPath

[Run]
Filename: "{app}\{#Window}"; Description: "Start {#Title}"; Flags: nowait postinstall skipifsilent

[UninstallDelete]
; What the installer put there; pictures, models, runs and settings of the user lie elsewhere and stay.
Type: filesandordirs; Name: "{app}\_internal"
Type: dirifempty; Name: "{app}"

[Code]
function NotOnPath: Boolean;
var
  Present: String;
begin
  if not RegQueryStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Present) then
    Present := '';
  Result := Pos(';' + Uppercase(ExpandConstant('{app}')) + ';', ';' + Uppercase(Present) + ';') = 0;
end;

procedure CurUninstallStepChanged(Step: TUninstallStep);
var
  Present, Wanted: String;
  Place: Integer;
begin
  if Step <> usPostUninstall then
    exit;
  if not RegQueryStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Present) then
    exit;
  Wanted := ';' + ExpandConstant('{app}');
  Place := Pos(Uppercase(Wanted + ';'), Uppercase(Present + ';'));
  if Place > 0 then
  begin
    Delete(Present, Place, Length(Wanted));
    RegWriteExpandStringValue(HKEY_CURRENT_USER, 'Environment', 'Path', Present);
  end;
end;
