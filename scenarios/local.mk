# scenarios: what users run first and tests run always.  Nothing to build; dist-hook in
# the top Makefile.am takes the whole folder.

# Installed, so that the manual's commands work without the source tree.
install-data-local:
	cd $(srcdir) && find scenarios -type f ! -name local.mk | while read -r file; do \
	    $(MKDIR_P) "$(DESTDIR)$(pkgdatadir)/$$(dirname "$$file")" && \
	    cp -f "$$file" "$(DESTDIR)$(pkgdatadir)/$$file" && \
	    chmod 644 "$(DESTDIR)$(pkgdatadir)/$$file" || exit 1; \
	done

uninstall-local:
	rm -rf "$(DESTDIR)$(pkgdatadir)/scenarios"

# Draws the figures again, in the source tree: after runs changed, or a figure.txt or .gp.
figures: vethsim$(EXEEXT)
	python3 $(top_srcdir)/tools/figures.py ./vethsim$(EXEEXT) \
	    $$(dirname $$(find $(top_srcdir)/scenarios -name figure.txt | sort))

.PHONY: figures
