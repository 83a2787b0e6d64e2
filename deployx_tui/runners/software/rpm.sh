# A file of RPM's kind, by rpm itself: what it depends on has to be there.

dx_rpm_have() {
  if [ ! "$dx_name" ]; then
    dx_obtain || return 1
    dx_name=$(rpm -qp --qf '%{NAME}' "$dx_file" 2>/dev/null) || { dx_fail "the file is no package of RPM's kind"; return 1; }
    case $dx_name in '' | *[!A-Za-z0-9+._-]*) dx_fail "the file names its package strangely"; return 1 ;; esac
  fi
  dx_rpm_version || return 1
  [ "$dx_want" ] || [ ! -f "$dx_file" ] ||
    dx_want=$(rpm -qp --qf '%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}' "$dx_file" 2>/dev/null)
}

dx_rpm_list() { dx_rpm_all; }

dx_rpm_ready() {
  dx_rpm_free && dx_obtain || return 1
  dx_newest=$dx_want
  dx_inside=$(rpm -qp --qf '%{NAME}' "$dx_file" 2>/dev/null) || { dx_fail "the file is no package of RPM's kind"; return 1; }
  [ "$dx_inside" = "$dx_name" ] || { dx_fail "the file holds $(dx_flat "$dx_inside"), not $dx_name"; return 1; }
  rpm -U --test --oldpackage "$dx_file" >"$dx_tmp/plan" 2>&1 </dev/null ||
    { dx_fail "rpm can't install it: $(dx_flat "$(head -n 6 "$dx_tmp/plan")")"; return 1; }
}

dx_rpm_install() {
  dx_run rpm -U --oldpackage "$dx_file" || :
  dx_good rpm
}

dx_rpm_remove() {
  dx_rpm_free && dx_rpm_alone || return 1
  dx_run rpm -e "$dx_name" || :
  dx_good rpm
}

dx_rpm_set() {
  dx_rpm_free || return 1
  dx_rpm_words "$@"
  [ ! "$dx_in" ] || { dx_fail "rpm alone can't bring back$dx_in: its file is not kept"; return 1; }
  [ ! "$dx_rm" ] || dx_run rpm -e $dx_rm || { dx_fail "rpm can't remove$dx_rm: exit $dx_code"; return 1; }
}
