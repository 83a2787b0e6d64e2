# What a target is asked and told for files: POSIX sh, functions only; text.py sends those that a script needs, without
# comments and indentation, and after them one call a line. Everything given is a quoted word; every name is absolute.
# An answer is a line `dxf WORD ...`, whose last part alone may hold anything but a line end; `dxf end` is the last one.

# before everything: names are data (no globbing), messages are English, what is made is private
dx_begin() {
  set -f
  LC_ALL=C
  export LC_ALL
  dx_um=$(umask)
  umask 077
  dx_bad= dx_mt= dx_lt= dx_ld= dx_ca= dx_lo= dx_op= dx_st=
  dx_ui=$(id -u)
  dx_sd=$HOME/.local/state
  [ "$dx_ui" != 0 ] || dx_sd=/var/lib
  # su leaves another account's variable: only a folder of this account is one to keep things in
  if [ "$XDG_STATE_HOME" ]; then
    dx_above "$XDG_STATE_HOME"
    [ ! -O "$dx_d" ] || dx_sd=$XDG_STATE_HOME
  fi
  dx_sd=$dx_sd/deployx
  for dx_hp in sha256sum shasum openssl python3 none; do
    command -v $dx_hp >/dev/null 2>&1 && break
  done
}

# what this account has: home, the folder of what is kept, its number, the program that hashes
dx_tell() {
  printf 'dxf hash %s\ndxf me %s\ndxf home %s\ndxf state %s\n' "$dx_hp" "$dx_ui" "$HOME" "$dx_sd"
}

# text $2, in one line, as the reason why number $1 failed; no change is begun after it
dx_fail() {
  dx_bad=yes
  printf 'dxf failed %s %s\n' "$1" "$(printf '%.600s' "${2:-the target gave no reason}" | tr '\n\r' '  ')"
}

# the same where nobody can tell whether it was done
dx_unsure() {
  dx_bad=yes
  printf 'dxf unsure %s %s\n' "$1" "$(printf '%.600s' "$2" | tr '\n\r' '  ')"
}

# dx_i: the inode of $1; - where nothing is
dx_inode() {
  dx_i=$(ls -di "$1" 2>/dev/null)
  dx_i=${dx_i#"${dx_i%%[! ]*}"}
  dx_i=${dx_i%% *}
  dx_i=${dx_i:--}
}

# whether another account may change what the folder $1, or one above it, holds: a name in it is not looked at and then
# used again. Links in the path count like what they point at
dx_open() {
  if [ "$1" = "$dx_op" ]; then return $dx_or; fi
  dx_op=$1 dx_or=0
  dx_k=$(CDPATH= cd "$1" 2>/dev/null && pwd -P) || return 0
  dx_safe "$1" && dx_safe "$dx_k" && dx_or=1
  return $dx_or
}

# whether only this account and root may change the folder $1, and rename those above it
dx_safe() {
  dx_v=${1%/}
  set -- "$dx_v/."
  while [ "$dx_v" ]; do
    dx_v=${dx_v%/*}
    set -- "$@" "$dx_v/."
  done
  ls -ldn "$1" 2>/dev/null | {
    read -r dx_k dx_v dx_v dx_o
    case $dx_k in d????-??-*) ;; *) exit 1 ;; esac
    [ "$dx_v" = 0 ] || [ "$dx_v" = "$dx_ui" ]
  } || return 1
  shift
  [ $# -gt 0 ] || return 0
  ls -ldn "$@" 2>/dev/null | while read -r dx_k dx_v dx_v dx_o; do
    case $dx_k in d????-??-* | d????????[tT]*) ;; *) exit 1 ;; esac
    [ "$dx_v" = 0 ] || [ "$dx_v" = "$dx_ui" ] || exit 1
  done
}

# whether $1 itself is of this account, or of root
dx_ours() {
  set -- $(ls -ldn "$1" 2>/dev/null)
  [ "${3:--}" = 0 ] || [ "${3:--}" = "$dx_ui" ]
}

# into the folder $2 of number $1, step by step: no link of another account is followed
dx_enter() {
  dx_r=$2 dx_w=
  CDPATH= cd / || return
  while [ "$dx_r" ]; do
    dx_s=${dx_r%%/*}
    case $dx_r in */*) dx_r=${dx_r#*/} ;; *) dx_r= ;; esac
    [ "$dx_s" ] || continue
    dx_v=
    if [ -h "./$dx_s" ]; then
      dx_ours "./$dx_s" || { dx_fail "$1" "$dx_w/$dx_s is a symbolic link of another account, which is not followed"; return 1; }
      dx_v=yes
    fi
    dx_e=$(cd -P "./$dx_s" 2>&1) && cd -P "./$dx_s" || { dx_fail "$1" "$dx_e"; return 1; }
    dx_k=$(pwd -P)
    if [ -z "$dx_v" ] && [ "$dx_k" != "$dx_w/$dx_s" ]; then
      dx_fail "$1" "$dx_w/$dx_s became a symbolic link meanwhile, which is not followed"
      return 1
    fi
    dx_w=${dx_k%/}
  done
}

# into a private folder of the run $3 beside $2, number $1, where others may write in that one: what is done in here by
# relative names nobody else can touch. A folder's .. changes only for who may write in it, so ../ stays where it was made
dx_shut() {
  dx_enter "$1" "${2%/*}" || return
  dx_k=.dx-$3
  rm -rf "./$dx_k" 2>/dev/null
  dx_e=$(mkdir -m 700 "./$dx_k" 2>&1) && dx_e=$(cd -P "./$dx_k" 2>&1) && cd -P "./$dx_k" || { dx_fail "$1" "$dx_e"; return 1; }
  dx_e=$(ls -ldn . 2>/dev/null)
  case $dx_e in drwx--[-S]---*) dx_e= ;; *) dx_e=yes ;; esac
  if [ "$dx_e" ] || [ "$(pwd -P)" != "$dx_w/$dx_k" ] || [ ! -O . ] || [ "$(ls -A .)" ]; then
    dx_fail "$1" "another account interferes in its folder: nothing was placed"
    CDPATH= cd /
    return 1
  fi
  dx_st=$dx_k
}

# out of it again
dx_leave() {
  [ "$dx_st" ] || return 0
  rm -rf ./f 2>/dev/null
  cd .. 2>/dev/null && rmdir "./$dx_st" 2>/dev/null
  CDPATH= cd /
  dx_st=
}

# whether the file $2, number $1, is one that this account wrote here, and under this name only
dx_own() {
  if [ -f "$2" ] && [ ! -h "$2" ] && [ -O "$2" ]; then
    dx_k=$(ls -ldn "$2" | { read -r dx_v dx_k dx_v; echo "$dx_k"; })
    [ "$dx_k" != 1 ] || return 0
  fi
  dx_fail "$1" "another account put something else in the place of its temporary file: nothing was placed"
  return 1
}

# dx_h: SHA-256 of the file $1; - where it can't be told
dx_sum() {
  case $dx_hp in
    sha256sum) dx_h=$(sha256sum <"$1") ;;
    shasum) dx_h=$(shasum -a 256 <"$1") ;;
    openssl) dx_h=$(openssl dgst -sha256 -r <"$1") ;;
    python3)
      dx_h=$(python3 -c 'import hashlib, sys
h = hashlib.sha256()
for b in iter(lambda: sys.stdin.buffer.read(1 << 20), b""): h.update(b)
print(h.hexdigest())' <"$1") ;;
    *) dx_h= ;;
  esac 2>/dev/null
  dx_h=${dx_h%% *}
  [ ${#dx_h} = 64 ] || dx_h=-
}

# what $1 is: dx_t absent, file, folder, link or other; dx_m its mode as ls writes it, dx_u, dx_g numbers, dx_z size
dx_kind() {
  dx_t=absent dx_m=- dx_u=- dx_g=- dx_z=0
  if [ -h "$1" ]; then dx_t=link
  elif [ -f "$1" ]; then dx_t=file
  elif [ -d "$1" ]; then dx_t=folder
  elif [ -e "$1" ]; then dx_t=other
  else return 0; fi
  set -- $(ls -ldn "$1" 2>/dev/null)
  dx_m=${1:--} dx_u=${3:--} dx_g=${4:--} dx_z=${5:-0}
}

# dx_p: the path $1, below the home where it says so
dx_path() {
  case $1 in
    "~/"*) dx_p=$HOME/${1#??} ;;
    *) dx_p=$1 ;;
  esac
}

# the first folder at or above $1 that is there; dx_c counts what is missing
dx_above() {
  dx_d=$1 dx_c=0
  while [ ! -e "$dx_d" ] && [ ! -h "$dx_d" ]; do
    dx_c=$((dx_c + 1))
    case $dx_d in */*) dx_d=${dx_d%/*} ;; *) dx_d= ;; esac
    [ "$dx_d" ] || dx_d=/
  done
}

# of the file system of the folder $2, for number $1: KiB free, rw or ro, its device
dx_free() {
  if [ "$2" != "$dx_ld" ]; then
    dx_ld=$2
    dx_fl=$(df -Pk "$2" 2>/dev/null | {
      read -r dx_k
      read -r dx_k dx_v dx_v dx_v dx_x dx_b
      echo "${dx_v:--} ${dx_k:--} $dx_b"
    })
    dx_b=${dx_fl#* } dx_ro=rw
    dx_b=${dx_b#* }
    { while read -r dx_k dx_v dx_k dx_o dx_k; do
        if [ "$dx_v" = "$dx_b" ]; then case ,$dx_o, in *,ro,*) dx_ro=ro ;; *) dx_ro=rw ;; esac; fi
      done </proc/mounts; } 2>/dev/null
    dx_fl=${dx_fl% "$dx_b"}
  fi
  printf 'dxf free %s %s %s\n' "$1" "$dx_ro" "$dx_fl"
}

# what the link $2, number $1, points at
dx_points() {
  dx_k=$(readlink "$2")
  printf 'dxf link %s %s\n' "$1" "$(printf %s "$dx_k" | tr '\n' ' ')"
}

# look at the destination $2 of number $1; $3 names: also the names of owner and group; $4 root: things lie in it
dx_look() {
  dx_rt=$4
  dx_path "$2"
  dx_kind "$dx_p"
  dx_h=- dx_on=- dx_gn=-
  [ $dx_t != file ] || dx_sum "$dx_p"
  if [ "$3" ] && [ $dx_t != absent ]; then
    set -- "$1" $(ls -ld "$dx_p" 2>/dev/null)
    dx_on=${4:--} dx_gn=${5:--}
  fi
  printf 'dxf at %s %s %s %s %s %s %s %s %s\n' "$1" $dx_t "$dx_m" "$dx_u" "$dx_g" "$dx_z" $dx_h "$dx_on" "$dx_gn"
  [ $dx_t != link ] || dx_points "$1" "$dx_p"
  dx_d=${dx_p%/*}
  if [ "$dx_rt" ] && [ $dx_t = folder ]; then dx_d=$dx_p; fi
  dx_above "${dx_d:-/}"
  dx_k=folder
  [ -d "$dx_d" ] || dx_k=other
  dx_a=yes
  { [ -w "$dx_d" ] && [ -x "$dx_d" ]; } || dx_a=no
  dx_b=$dx_k dx_o=no
  if dx_open "${dx_d%/}/"; then dx_o=yes; fi
  printf 'dxf in %s %s %s %s %s\n' "$1" $dx_b "$dx_c" $dx_a $dx_o
  dx_free "$1" "$dx_d"
}

# what is at $2, number $1, and no more
dx_glance() {
  dx_kind "$2"
  dx_h=-
  [ $dx_t != file ] || dx_sum "$2"
  printf 'dxf at %s %s %s %s %s %s %s - -\n' "$1" $dx_t "$dx_m" "$dx_u" "$dx_g" "$dx_z" $dx_h
  [ $dx_t != link ] || dx_points "$1" "$2"
}

# what a run of this name, $1, has written down of its changes
dx_journal() {
  [ ! -f "$dx_sd/kept/runs/$1" ] || while read -r dx_k; do printf 'dxf done %s\n' "$dx_k"; done <"$dx_sd/kept/runs/$1"
}

# everything below this folder, NUL after each: "kind mode user group uid gid size mtime ctime path", of a link another
# one with what it points at; a last NUL
dx_list() {
  case $dx_lw in
    find)
      find . -mindepth 1 -name '.dx-*' -prune -o -mindepth 1 \
        -printf '%y %m %u %g %U %G %s %T@ %C@ %P\0' -type l -printf '%l\0' 2>/dev/null ;;
    stat)
      find . -name '.dx-*' -prune -o -exec sh -c '
        for f; do
          [ "$f" != . ] || continue
          if [ -h "$f" ]; then t=l; elif [ -f "$f" ]; then t=f; elif [ -d "$f" ]; then t=d; else t=o; fi
          stat -c "$t %a %U %G %u %g %s %Y %Z" "$f" | tr "\n" " "
          printf "%s\0" "${f#./}"
          [ $t != l ] || { readlink "$f" | tr -d "\n"; printf "\0"; }
        done' sh {} + 2>/dev/null ;;
  esac
  printf '\0'
}

# whether the folder $3 is as the record $1 with the key $2 says: then nothing more is looked at
dx_quick() {
  dx_k=
  [ ! -f "$dx_sd/quick/$1" ] || read -r dx_k dx_v <"$dx_sd/quick/$1"
  [ "$dx_k" = "$2" ] && find . -prune -printf '' >/dev/null 2>&1 || return 0
  dx_path "$3"
  CDPATH= cd "$dx_p/" 2>/dev/null || return 0
  dx_lw=find
  if [ "$(dx_list | dx_digest)" = "$dx_v" ]; then
    printf 'dxf same\ndxf end\n'
    exit
  fi
}

# SHA-256 of standard input
dx_digest() {
  case $dx_hp in
    shasum) dx_h=$(shasum -a 256) ;;
    openssl) dx_h=$(openssl dgst -sha256 -r) ;;
    sha256sum) dx_h=$(sha256sum) ;;
    *) dx_h=- ;;
  esac
  echo "${dx_h%% *}"
}

# the record $1: key $2, digest $3 of the listing
dx_record() {
  mkdir -p "$dx_sd/quick" 2>/dev/null
  printf '%s %s\n' "$2" "$3" >"$dx_sd/quick/.$1" && mv -f "$dx_sd/quick/.$1" "$dx_sd/quick/$1"
}

# everything below the folder $1 as dx_list says it; then, unless $2 is quick, "hash  path" of each file
dx_tree() {
  dx_path "$1"
  [ -d "$dx_p" ] || return 0
  CDPATH= cd "$dx_p/" 2>/dev/null || { printf 'dxf tree shut n\n'; return; }
  dx_hz=n
  case $dx_hp in
    python3) dx_hz=z ;;
    sha256sum) sha256sum -z </dev/null >/dev/null 2>&1 && dx_hz=z ;;
  esac
  if find . -prune -printf '' >/dev/null 2>&1; then
    dx_lw=find
  elif stat -c %a . >/dev/null 2>&1; then
    dx_lw=stat
  else
    dx_lw=none
  fi
  printf 'dxf tree %s %s\n' $dx_lw $dx_hz
  dx_list
  [ "$2" != quick ] || return 0
  case $dx_hp in
    sha256sum) if [ $dx_hz = z ]; then dx_hashes sha256sum -z; else dx_hashes sha256sum; fi ;;
    shasum) dx_hashes shasum -a 256 ;;
    openssl) dx_hashes openssl dgst -sha256 -r ;;
    python3)
      dx_hashes python3 -c 'import hashlib, os, sys
for n in sys.argv[1:]:
  try:
    h = hashlib.sha256()
    with open(n, "rb") as f:
      for b in iter(lambda: f.read(1 << 20), b""): h.update(b)
    sys.stdout.buffer.write(h.hexdigest().encode() + b"  " + os.fsencode(n) + b"\0")
  except OSError: pass' ;;
  esac
}

# "hash  path" of each file below this folder, by the program and its options
dx_hashes() {
  find . -name '.dx-*' -prune -o -type f -exec "$@" {} + 2>/dev/null
}

# what runs that nobody began again left in the folder $1 more than a week ago
dx_old() {
  [ "$1" != "$dx_lo" ] || return 0
  dx_lo=$1
  dx_k='????????????????????????'
  find "$1" -maxdepth 1 \( -name ".*.dx-$dx_k" -o -name ".dx-$dx_k" -o -name "dx-files-$dx_k" \) \
    -user "$dx_ui" -mtime +7 -exec rm -rf {} + 2>/dev/null
  return 0
}

# the private folder $1 for bytes on their way, with mode $2: 711 lets others through who know a name in it
dx_private() {
  [ -d "$1" ] && [ ! -h "$1" ] && [ -O "$1" ] && return
  dx_old "${1%/*}/"
  dx_e=$(mkdir "$1" 2>&1) || { dx_fail - "$dx_e"; return 1; }
  [ "$2" = 700 ] || chmod "$2" "$1"
}

# make the folder $2, number $1, with mode $3 (none: as the account makes them) and owner $4; $5 the run, $6 its journal's
# line
dx_folder() {
  [ -z "$dx_bad" ] || return 0
  [ ! -d "$2" ] || return 0
  dx_n=$2
  if [ "$3$4" ] && dx_open "${2%/*}/"; then
    dx_shut "$1" "$2" "${5:-private}" || return
    dx_n=./f
  fi
  dx_foldering "$@"
  dx_leave
}

# the same, by the name dx_n
dx_foldering() {
  dx_e=$( (umask "$dx_um"; mkdir "$dx_n") 2>&1 ) || { dx_fail "$1" "$dx_e"; return; }
  if [ "$3" ]; then chmod "$3" "$dx_n"; fi
  if [ "$4" ]; then dx_e=$(chown -h "$4" "$dx_n" 2>&1) || { rmdir "$dx_n"; dx_fail "$1" "$dx_e"; return; }; fi
  if [ "$dx_st" ]; then
    dx_inode ./f
    dx_j=$dx_i
    dx_rename "$1" ./f "../${2##*/}" || return
    dx_inode "../${2##*/}"
    [ "$dx_i" = "$dx_j" ] || { dx_fail "$1" "another account put something else in its place"; return; }
  fi
  [ -z "$5" ] || dx_note "$5" "$6 -"
  printf 'dxf placed %s -\n' "$1"
}

# the file $2, number $1, that bytes go into: made exclusively with mode $3, or measured where a part of it is there
dx_drop() {
  dx_old "${2%/*}/"
  dx_kind "$2"
  dx_h=-
  case $dx_t in
    absent)
      dx_e=$( (set -C; : >"$2") 2>&1 ) || { dx_fail "$1" "$dx_e"; return; }
      [ "$3" = 600 ] || chmod "$3" "$2"
      dx_free "$1" "${2%/*}" ;;
    file)
      [ -O "$2" ] || { dx_fail "$1" "a file of another account lies where the temporary one goes"; return; }
      [ "$dx_z" = 0 ] || dx_sum "$2" ;;
    *) dx_fail "$1" "something that is no file lies where the temporary file goes"; return ;;
  esac
  printf 'dxf drop %s %s %s\n' "$1" "$dx_z" $dx_h
}

# an empty file again
dx_empty() {
  : >"$2" && printf 'dxf drop %s 0 -\n' "$1"
}

# what is ours at these names
dx_sweep() {
  for dx_k; do
    rm -rf "$dx_k" 2>/dev/null
  done
}

# unpack the file $1 into the folder $2; its names come from us
dx_unpack() {
  dx_e=$( (CDPATH= cd "$2" && tar -xpomf -) <"$1" 2>&1 ) || dx_fail - "$dx_e"
}

# keep $2 in the folder $3 for the run $4, before it is replaced: number $1; dx_kn is its name there
dx_keep() {
  mkdir -p "$3" 2>/dev/null
  dx_nr=0
  for dx_k in $(ls "$3" 2>/dev/null); do
    case $dx_k in
      *-"$4") dx_kn=$dx_k; return ;;
    esac
    dx_k=${dx_k%%-*}
    [ "$dx_k" -gt $dx_nr ] && dx_nr=$dx_k
  done 2>/dev/null
  dx_nr=$((dx_nr + 1))
  dx_kn=$dx_nr-$4
  ln "$2" "$3/$dx_kn" 2>/dev/null
  if [ -e "$3/$dx_kn" ] || [ -h "$3/$dx_kn" ]; then return; fi
  dx_e=$(cp -p "$2" "$3/.$4" 2>&1) && dx_e=$(mv -f "$3/.$4" "$3/$dx_kn" 2>&1)
  if [ -e "$3/$dx_kn" ]; then return; fi
  rm -f "$3/.$4" 2>/dev/null
  dx_fail "$1" "what is there can't be kept: $dx_e"
  return 1
}

# of what is kept in the folder $1 only the newest $2 stay
dx_prune() {
  dx_nr=0
  for dx_k in $(ls "$1" 2>/dev/null); do
    dx_k=${dx_k%%-*}
    [ "$dx_k" -gt $dx_nr ] && dx_nr=$dx_k
  done 2>/dev/null
  for dx_k in $(ls "$1" 2>/dev/null); do
    if [ "${dx_k%%-*}" -le $((dx_nr - $2)) ]; then rm -f "$1/$dx_k"; fi
  done 2>/dev/null
  [ "$2" -gt 0 ] || rmdir "$1" 2>/dev/null
}

# what $1 has beside its content goes to $2 too; what did not is said for number $3
dx_like() {
  dx_kind "$1"
  [ "$dx_ca" ] || case $(cp --help 2>&1) in *attributes-only*) dx_ca=yes ;; *) dx_ca=no ;; esac
  case $dx_ca in
    yes)
      cp --attributes-only --preserve=mode,xattr "$1" "$2" 2>/dev/null ||
        printf 'dxf note %s extended attributes could not be kept\n' "$3" ;;
    *)
      case $dx_m in
        *+)
          if command -v setfacl >/dev/null 2>&1 && getfacl -p "$1" 2>/dev/null | setfacl --set-file=- "$2" 2>/dev/null; then
            printf 'dxf note %s its ACL was kept\n' "$3"
          else
            printf 'dxf note %s its ACL could not be kept: there is no setfacl that does it\n' "$3"
          fi ;;
      esac
      command -v getfattr >/dev/null 2>&1 ||
        printf 'dxf note %s extended attributes, if it had any, were not kept: no program for them\n' "$3" ;;
  esac
  dx_context "$1" "$2" "$3"
}

# the SELinux context of $1 for $2, where there are any
dx_context() {
  [ -e /sys/fs/selinux/enforce ] || return 0
  if chcon --reference="$1" "$2" 2>/dev/null; then
    printf 'dxf note %s its SELinux context was kept\n' "$3"
  else
    printf 'dxf note %s its SELinux context could not be kept\n' "$3"
  fi
}

# owner $3 and mode $4 of $2, number $1
dx_dress() {
  if [ "$3" ]; then
    dx_kind "$2"
    if [ "$3" != "$dx_u:$dx_g" ]; then
      dx_e=$(chown -h "$3" "$2" 2>&1) || { dx_fail "$1" "its owner can't be made $3: $dx_e"; return 1; }
    fi
  fi
  if [ "$4" ]; then
    dx_e=$(chmod "$4" "$2" 2>&1) || { dx_fail "$1" "its mode can't be set: $dx_e"; return 1; }
  fi
}

# rename $2 to $3, never into a folder: number $1
dx_rename() {
  if [ -d "$3" ] && [ ! -h "$3" ]; then dx_fail "$1" "a folder is there now"; return 1; fi
  dx_tools
  dx_inode "$2"
  dx_j=$dx_i
  dx_e=$(mv -f $dx_mt "$2" "$3" 2>&1)
  dx_moved "$1" "$2" "$3"
}

# whether mv and ln can be told that no destination is a folder
dx_tools() {
  [ -z "$dx_mt" ] || return 0
  dx_mt=-- dx_lt=--
  case $(mv --help 2>&1) in *-*T*) dx_mt=-T ;; esac
  case $(ln --help 2>&1) in *-*T*) dx_lt=-T ;; esac
}

# whether $2, whose inode was dx_j, is $3 now, whatever the program that did it said: number $1; $4 the SHA-256 by which
# it is known where inodes change
dx_moved() {
  dx_inode "$3"
  [ "$dx_i" != "$dx_j" ] || return 0
  if [ -e "$2" ] || [ -h "$2" ]; then
    dx_fail "$1" "${dx_e:-the target said that it was put in its place, and it was not}"
    return 1
  fi
  if [ "$4" ] && [ -z "$dx_st" ] && [ -f "$3" ] && [ ! -h "$3" ]; then
    dx_sum "$3"
    [ "$dx_h" != "$4" ] || return 0
  fi
  dx_unsure "$1" "nobody can tell whether it was put in its place${dx_e:+: $dx_e}"
  return 1
}

# the file $2 becomes $3, number $1: $4 is - where nothing was there, and then nothing is replaced; $5 its SHA-256
dx_settle() {
  dx_tools
  if [ "$4" != - ]; then
    if [ -d "$3" ] && [ ! -h "$3" ]; then dx_fail "$1" "a folder is there now"; return 1; fi
    dx_inode "$2"
    dx_j=$dx_i
    dx_e=$(mv -f $dx_mt "$2" "$3" 2>&1)
  else
    dx_inode "$2"
    dx_j=$dx_i
    dx_e=$(ln $dx_lt "$2" "$3" 2>&1) || dx_e=$(mv -n $dx_mt "$2" "$3" 2>&1)
    dx_inode "$3"
    if [ "$dx_i" = "$dx_j" ] && [ -f "$3" ] && [ ! -h "$3" ]; then rm -f "$2"; return 0; fi
    if [ -e "$2" ] && { [ -e "$3" ] || [ -h "$3" ]; }; then dx_e="something appeared there meanwhile: it was left"; fi
  fi
  dx_moved "$1" "$2" "$3" "$5"
}

# whether $2, number $1, has the SHA-256 $3 that was looked at; nothing can be told where no program hashes
dx_as_seen() {
  if [ ! -h "$2" ]; then
    case $3 in '' | -) return 0 ;; esac
    dx_sum "$2"
    [ "$dx_hp" != none ] || return 0
    [ "$dx_h" != "$3" ] || return 0
  fi
  dx_fail "$1" "was changed meanwhile; run it again"
  return 1
}

# a line of what this run, $1, changes
dx_note() {
  if [ ! -e "$dx_sd/kept/runs/$1" ]; then
    mkdir -p "$dx_sd/kept/runs" 2>/dev/null
    find "$dx_sd/kept/runs" -type f -mtime +30 -exec rm -f {} + 2>/dev/null
  fi
  printf '%s\n' "$2" >>"$dx_sd/kept/runs/$1"
}

# whether the temporary file $2 is there, number $1; where it is not, an earlier attempt, which nobody heard of any more,
# may have put it in the place of $3 with the SHA-256 $4
dx_there() {
  [ ! -e "$2" ] || return 0
  dx_sum "$3"
  if [ "$dx_h" = "$4" ]; then printf 'dxf placed %s -\n' "$1"; else dx_fail "$1" "its temporary file is gone"; fi
  return 1
}

# whether $2, number $1, is still what was looked at: $3 is - where nothing was there
dx_still() {
  dx_kind "$2"
  case $dx_t,$3 in
    absent,- | file,[!-]* | file,) return 0 ;;
    file,-) dx_fail "$1" "something appeared there meanwhile: it was left" ;;
    absent,*) dx_fail "$1" "was removed meanwhile; run it again" ;;
    *) dx_fail "$1" "a $dx_t is there now" ;;
  esac
  return 1
}

# put the temporary file $2 in the place of $3, number $1: $4 where its bytes are copied from first (none: it has them),
# $5 their SHA-256 (after a = it was seen), $6 what its other properties are taken from, $7 owner, $8 mode, $9 the folder of what
# is kept (none: nothing is), $10 the run, $11 what stands in its journal, $12 how many are kept, $13 the SHA-256 of what
# was looked at there (-: nothing was)
dx_place() {
  [ -z "$dx_bad" ] || return 0
  dx_f=$2 dx_n=$3
  if [ -z "$4" ]; then dx_there "$1" "$2" "$3" "${5#=}" || return 0; fi
  dx_still "$1" "$3" "${13}" || { rm -f "$2" 2>/dev/null; return; }
  if dx_open "${3%/*}/"; then
    dx_shut "$1" "$3" "${10}" || return
    dx_f=./f dx_n=../${3##*/}
  fi
  if dx_placing "$@"; then
    sync "${3%/*}/" 2>/dev/null
    [ -z "$9" ] || dx_prune "$9" "${12}"
    printf 'dxf placed %s %s\n' "$1" $dx_kn
  else
    rm -f "$dx_f" "$2" 2>/dev/null
    [ ! -e "$2" ] || printf 'dxf note %s its temporary file stays: %s\n' "$1" "$2"
  fi
  dx_leave
}

# the same, from dx_f to dx_n
dx_placing() {
  if [ "$4" ]; then
    rm -f "$dx_f" 2>/dev/null
    dx_e=$( { (set -C; cat <"$4" >"$dx_f"); } 2>&1 ) || { dx_fail "$1" "$dx_e"; return 1; }
  elif [ "$dx_st" ]; then
    dx_e=$(mv -f "$2" ./f 2>&1)
    dx_own "$1" ./f || return
  fi
  if [ "${5#=}" = "$5" ] || { [ "$dx_st" ] && [ "$dx_hp" != none ]; }; then
    dx_sum "$dx_f"
    [ "$dx_h" = "${5#=}" ] || { dx_bad=yes; printf 'dxf differs %s %s\n' "$1" "$dx_h"; return 1; }
  fi
  if [ "$6" ] && [ -e "$6" ]; then dx_like "$6" "$dx_f" "$1"; fi
  dx_dress "$1" "$dx_f" "$7" "$8" || return
  [ -z "$4" ] || [ "$4" != "$6" ] || touch -r "$6" "$dx_f" 2>/dev/null
  sync "$dx_f" 2>/dev/null
  dx_kn=-
  if [ "$9" ] && [ -e "$dx_n" ]; then
    dx_keep "$1" "$dx_n" "$9" "${10}" || return
    dx_as_seen "$1" "$9/$dx_kn" "${13}" || { rm -f "$9/$dx_kn"; return 1; }
  else
    [ ! -e "$dx_n" ] || dx_as_seen "$1" "$dx_n" "${13}" || return
  fi
  dx_note "${10}" "${11} $dx_kn"
  dx_settle "$1" "$dx_f" "$dx_n" "${13}" "${5#=}"
}

# a new file $3 from $2, whose content and mode were seen: number $1, $4 owner, $5 the run, $6 its journal's line, $7
# mode, $8 SHA-256
dx_new() {
  [ -z "$dx_bad" ] || return 0
  if dx_open "${3%/*}/"; then
    dx_place "$1" "$2" "$3" '' "=$8" '' "$4" "$7" '' "$5" "$6" 0 -
    return
  fi
  dx_there "$1" "$2" "$3" "$8" || return
  dx_still "$1" "$3" - || return
  [ -z "$4" ] || dx_dress "$1" "$2" "$4" "$7" || return
  dx_note "$5" "$6 -"
  dx_settle "$1" "$2" "$3" - "$8" && printf 'dxf placed %s -\n' "$1"
}

# the SHA-256 in a new file's line of the journal
dx_after() {
  set -f -- $1
  dx_h=$3
}

# new files from the folder $1 into the folder $2, whose content and mode were seen: $3 the run, then of each its number,
# its name in both folders, its journal's line. One rename each, never over something
dx_news() {
  [ -z "$dx_bad" ] || return 0
  dx_s=$1 dx_d=$2 dx_r=$3
  shift 3
  if dx_open "$dx_d/"; then
    dx_ns=$dx_s dx_nd=$dx_d dx_nn=$dx_r
    while [ $# -gt 0 ]; do
      dx_after "$3"
      dx_new "$1" "$dx_ns/$2" "${dx_nd%/}/$2" '' "$dx_nn" "$3" '' "$dx_h"
      shift 3
    done
    return
  fi
  dx_c=$(($# / 3)) dx_ns=
  while [ $dx_c -gt 0 ]; do
    dx_note "$dx_r" "$3 -"
    dx_ns="$dx_ns $1"
    set -- "$@" "$2"
    shift 3
    dx_c=$((dx_c - 1))
  done
  ( CDPATH= cd "$dx_s" && dx_move "$@" ) 2>/dev/null
  for dx_k in $dx_ns; do
    if [ -e "$dx_s/$1" ]; then
      dx_e=$( (CDPATH= cd "$dx_s" && mv -n "./$1" "$dx_d/") 2>&1 )
      [ ! -e "$dx_s/$1" ] || dx_fail "$dx_k" "${dx_e:-something appeared there meanwhile: it was left}"
    elif [ ! -e "$dx_d/$1" ]; then
      dx_fail "$dx_k" "its temporary file is gone"
    fi
    [ ! -e "$dx_s/$1" ] && [ -e "$dx_d/$1" ] && printf 'dxf placed %s -\n' "$dx_k"
    shift
  done
}

# the files of these names into dx_d, by one process
dx_move() {
  dx_c=$#
  while [ $dx_c -gt 0 ]; do
    set -- "$@" "./$1"
    shift
    dx_c=$((dx_c - 1))
  done
  mv -n "$@" "$dx_d/"
}

# whether the link $2, number $1, points at $3, as it was looked at; "": nothing was there
dx_aims() {
  if [ -h "$2" ]; then
    [ "$(readlink "$2" | tr '\n' ' ')" != "$(printf '%s\n' "$3" | tr '\n' ' ')" ] || return 0
    dx_fail "$1" "was changed meanwhile; run it again"
  elif [ -e "$2" ]; then dx_fail "$1" "something that is no link is there now"
  elif [ "$3" ]; then dx_fail "$1" "was removed meanwhile; run it again"
  else return 0; fi
  return 1
}

# make or turn the symbolic link $2 to $3 by the temporary name $4: number $1, $5 the run, $6 its journal's line, $7 what
# it pointed at when it was looked at
dx_link() {
  [ -z "$dx_bad" ] || return 0
  dx_aims "$1" "$2" "$7" || return
  rm -f "$4" 2>/dev/null
  dx_e=$(ln -s -- "$3" "$4" 2>&1) || { dx_fail "$1" "$dx_e"; return; }
  dx_note "$5" "$6 -"
  dx_rename "$1" "$4" "$2" || { rm -f "$4"; return; }
  dx_e=$(dx_aims "$1" "$2" "$3") || { dx_unsure "$1" "another account put something else in its place"; return; }
  sync "${2%/*}/" 2>/dev/null
  printf 'dxf placed %s -\n' "$1"
}

# remove the file or link $2, number $1; $3 the folder of what is kept, $4 the run, $5 its journal's line, $6 how many, $7
# the SHA-256 of the file that was looked at, or = and what the link pointed at
dx_delete() {
  [ -z "$dx_bad" ] || return 0
  dx_kind "$2"
  dx_kn=-
  case $dx_t,$7 in
    link,=*) dx_aims "$1" "$2" "${7#=}" || return ;;
    file,=*) dx_fail "$1" "was changed meanwhile; run it again"; return ;;
    file,*)
      if [ "$3" ]; then
        dx_keep "$1" "$2" "$3" "$4" || return
        dx_as_seen "$1" "$3/$dx_kn" "$7" || { rm -f "$3/$dx_kn"; return; }
      else
        dx_as_seen "$1" "$2" "$7" || return
      fi ;;
    absent,*) dx_fail "$1" "was removed meanwhile; run it again"; return ;;
    *) dx_fail "$1" "a $dx_t is there now"; return ;;
  esac
  dx_note "$4" "$5 $dx_kn"
  dx_e=$(rm -f "$2" 2>&1)
  if [ -e "$2" ] || [ -h "$2" ]; then dx_fail "$1" "$dx_e"; return; fi
  [ -z "$3" ] || dx_prune "$3" "$6"
  printf 'dxf placed %s %s\n' "$1" $dx_kn
}

# remove the folder $2, number $1, if it is empty; $3 the run, $4 its journal's line
dx_rmdir() {
  [ -z "$dx_bad" ] || return 0
  if [ ! -d "$2" ] || [ -h "$2" ]; then return; fi
  if dx_e=$(rmdir "$2" 2>&1); then
    dx_note "$3" "$4 -"
    printf 'dxf placed %s -\n' "$1"
  else
    printf 'dxf note %s it is not empty, so it stays\n' "$1"
  fi
}

# the names in the folder $1 of releases
dx_releases() {
  ls "$1" 2>/dev/null | while read -r dx_k; do printf 'dxf release %s\n' "$dx_k"; done
}

# the finished folder $2 becomes the release $3: number $1
dx_release() {
  [ -z "$dx_bad" ] || return 0
  sync "$2" 2>/dev/null
  dx_rename "$1" "$2" "$3"
}
