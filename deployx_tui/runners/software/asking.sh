# What is asked of a target before and after a change: files, versions, requirements.

# whether version $1 is the wanted $2; model/package.py has the same rule
dx_fits() {
  [ "$1" != "$2" ] || return 0
  dx_b=${1#*:}
  case $dx_b in
    "$2" | "$2-"* | "$2+"* | "${2}_"*) return 0 ;;
  esac
  return 1
}

dx_sha256() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256 <"$1"
  elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r <"$1"
  else return 1
  fi | cut -c1-64
}

# dx_file: the file of this package on the target, with the wanted content
dx_obtain() {
  if [ "$dx_url" ]; then
    dx_file=$dx_tmp/file$dx_i
    if command -v curl >/dev/null 2>&1; then
      dx_run curl -fsSL --proto =https --proto-redir =https --max-filesize 10737418240 -o "$dx_file" -- "$dx_url"
    elif command -v wget >/dev/null 2>&1; then
      dx_run wget -q -O "$dx_file" -- "$dx_url"
    else
      dx_fail "there is neither curl nor wget to fetch $dx_url with"
      return 1
    fi
    [ "$dx_code" -eq 0 ] || { dx_fail "$dx_url could not be fetched: exit $dx_code"; return 1; }
  fi
  [ -f "$dx_file" ] || { dx_fail "the file of it did not arrive at $dx_file"; return 1; }
  [ "$dx_sum" ] || return 0
  dx_s=$(dx_sha256 "$dx_file") || { dx_fail "there is no sha256sum, shasum or openssl to check the file with"; return 1; }
  [ "$dx_s" = "$dx_sum" ] || { dx_fail "the file is not what it must be: SHA-256 $dx_s instead of $dx_sum"; return 1; }
}

# dx_v: the version that is there, "" for none; fails when that can't be told
dx_have() {
  dx_v=
  case $dx_det in
    database) "dx_${dx_kind}_have" ;;
    file)
      [ -e "$dx_dpath" ] || return 0
      [ -f "$dx_dpath" ] && [ -r "$dx_dpath" ] || { dx_fail "$dx_dpath can't be read"; return 1; }
      dx_v=$(head -c 65536 "$dx_dpath" | dx_version)
      ;;
    command)
      dx_v=$( (sh -c "$dx_dcmd" </dev/null 2>&1; :) | head -c 65536 | dx_version)
      ;;
  esac || return 1
  case $dx_v in
    *[!A-Za-z0-9.+:~^_-]*) dx_v=$(dx_flat "$dx_v"); dx_fail "what detection found is no version: $dx_v"; dx_v=; return 1 ;;
  esac
}

# the version in standard input
dx_version() {
  if [ "$dx_dpat" ]; then
    grep -oE -e "$dx_dpat" | head -n 1 | sed -E "s$dx_sep^$dx_dpat\$$dx_sep\\1$dx_sep"
  else
    head -n 1 | tr -d ' \t\r' | cut -c1-127
  fi
}

# what must be so before anything is changed
dx_required() {
  if [ "$dx_q_os$dx_q_ver" ]; then
    dx_o= dx_ov=
    for dx_f in /etc/os-release /usr/lib/os-release; do
      [ -r "$dx_f" ] || continue
      dx_o=$(sed -n 's/^ID\(_LIKE\)\{0,1\}=["'\'']\{0,1\}\([^"'\'']*\).*/\2/p' "$dx_f" | tr 'A-Z\n' 'a-z ')
      dx_ov=$(sed -n 's/^VERSION_ID=["'\'']\{0,1\}\([^"'\'']*\).*/\1/p' "$dx_f" | head -n 1)
      break
    done
    dx_o="$dx_o $(uname -s | tr 'A-Z' 'a-z') "
    dx_m=
    for dx_w in $dx_q_os; do case " $dx_o" in *" $dx_w "*) dx_m=1 ;; esac; done
    [ "$dx_m" ] || [ ! "$dx_q_os" ] || { dx_fail "it needs $dx_q_os, and this is $(dx_flat "$dx_o")"; return 1; }
    if [ "$dx_q_ver" ] && [ "$dx_ov" ] && dx_older "$dx_ov" "$dx_q_ver"; then
      dx_fail "it needs version $dx_q_ver of the system, and this is $(dx_flat "$dx_ov")"
      return 1
    fi
  fi
  if [ "$dx_q_arch" ]; then
    dx_o=$(uname -m | tr 'A-Z' 'a-z')
    case $dx_o in amd64 | x64) dx_o=x86_64 ;; arm64) dx_o=aarch64 ;; esac
    case " $dx_q_arch " in *" $dx_o "*) ;; *) dx_fail "it needs $dx_q_arch, and this is $(dx_flat "$dx_o")"; return 1 ;; esac
  fi
  if [ "$dx_q_disk" ]; then
    dx_o=${dx_dir:-/}
    while [ ! -d "$dx_o" ]; do dx_o=${dx_o%/*}; dx_o=${dx_o:-/}; done
    dx_o=$(df -kP "$dx_o" 2>/dev/null | awk 'END { print $4 }')
    case $dx_o in '' | *[!0-9]*) dx_fail "how much disk is free can't be told"; return 1 ;; esac
    [ "$dx_o" -ge "$dx_q_disk" ] || { dx_fail "it needs $dx_q_disk KiB of free disk, and there are $dx_o"; return 1; }
  fi
  if [ "$dx_q_mem" ] && [ -r /proc/meminfo ]; then
    dx_o=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
    if [ "$dx_o" ] && [ "$dx_o" -lt "$dx_q_mem" ]; then
      dx_fail "it needs $dx_q_mem KiB of free memory, and there are $dx_o"
      return 1
    fi
  fi
  for dx_w in $dx_q_not; do
    case $(dx_name=$dx_w dx_v=; "dx_${dx_kind}_have" >/dev/null 2>&1; printf %s "$dx_v") in
      '') ;;
      *) dx_fail "$dx_w is installed, which must not be there beside it"; return 1 ;;
    esac
  done
}

# whether version $1 is older than $2, by the numbers between dots
dx_older() {
  [ "$(printf '%s %s\n' "$1" "$2" | awk '{
    n = split($1, a, "."); m = split($2, b, ".")
    for (i = 1; i <= n || i <= m; i++) if (a[i] + 0 != b[i] + 0) { print (a[i] + 0 < b[i] + 0); exit }
    print 0 }')" = 1 ]
}

dx_root() {
  [ "$(id -u)" -eq 0 ] || { dx_fail "it is installed by root only, and this is $(id -un); let the task run as root"; return 1; }
}
