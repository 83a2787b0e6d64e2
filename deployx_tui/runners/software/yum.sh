# By name with yum, on systems that have no dnf yet. It is told what dnf is told.

dx_yum_have() { dx_dnf_have; }
dx_yum_list() { dx_dnf_list; }
dx_yum_ready() { dx_dnf_ready; }
dx_yum_install() { dx_dnf_install; }
dx_yum_remove() { dx_dnf_remove; }
dx_yum_set() { dx_dnf_set "$@"; }
