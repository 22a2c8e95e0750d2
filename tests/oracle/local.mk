# tests/oracle: runs compared with closed forms.
