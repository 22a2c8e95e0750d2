# tests/models: the tests of models/.

proxy_tests_fixture = tests/models/proxy_fixture.c tests/models/proxy_fixture.h
model_tests_fixture = tests/models/fixture.c tests/models/fixture.h
cni_tests_fixture = tests/models/cni_fixture.c tests/models/cni_fixture.h \
	$(model_tests_fixture)
ingress_tests_fixture = tests/models/ingress_fixture.c tests/models/ingress_fixture.h \
	$(model_tests_fixture)

sidecar_tests_fixture = tests/models/sidecar_fixture.h $(model_tests_fixture)

check_PROGRAMS += \
	tests/models/test_client \
	tests/models/test_client_arrivals \
	tests/models/test_client_load \
	tests/models/test_client_retry \
	tests/models/test_client_trace \
	tests/models/test_cni \
	tests/models/test_cni_addresses \
	tests/models/test_cni_bridge \
	tests/models/test_cni_cilium \
	tests/models/test_cni_programs \
	tests/models/test_cni_rules \
	tests/models/test_cni_vpc \
	tests/models/test_conntrack \
	tests/models/test_container \
	tests/models/test_container_calls \
	tests/models/test_container_life \
	tests/models/test_container_names \
	tests/models/test_container_work \
	tests/models/test_coredns \
	tests/models/test_device_qdisc \
	tests/models/test_dns \
	tests/models/test_dns_choice \
	tests/models/test_dns_names \
	tests/models/test_dns_nodelocal \
	tests/models/test_dns_recursion \
	tests/models/test_dns_stub \
	tests/models/test_dns_tcp \
	tests/models/test_gso \
	tests/models/test_health_check \
	tests/models/test_http2 \
	tests/models/test_http3 \
	tests/models/test_https \
	tests/models/test_incidents_life \
	tests/models/test_incidents_tcp \
	tests/models/test_incidents_load \
	tests/models/test_ingress \
	tests/models/test_ingress_drain \
	tests/models/test_ingress_http2 \
	tests/models/test_ingress_profiles \
	tests/models/test_ingress_retry \
	tests/models/test_ingress_rules \
	tests/models/test_kubeproxy \
	tests/models/test_kubeproxy_config \
	tests/models/test_kubeproxy_iptables \
	tests/models/test_kubeproxy_ipvs \
	tests/models/test_kubeproxy_ipvs_choice \
	tests/models/test_kubeproxy_ipvs_flags \
	tests/models/test_kubeproxy_ipvs_sync \
	tests/models/test_kubeproxy_names \
	tests/models/test_kubeproxy_nftables \
	tests/models/test_kubeproxy_runner \
	tests/models/test_kubeproxy_sync \
	tests/models/test_lb \
	tests/models/test_lb_health \
	tests/models/test_link_bond \
	tests/models/test_link_qdisc \
	tests/models/test_packet_flow \
	tests/models/test_pod \
	tests/models/test_sidecar \
	tests/models/test_sidecar_policy \
	tests/models/test_topology \
	tests/models/test_websocket

tests_models_test_client_SOURCES = tests/models/test_client.c $(model_tests_fixture)
tests_models_test_client_arrivals_SOURCES = tests/models/test_client_arrivals.c \
	$(model_tests_fixture)

tests_models_test_client_load_SOURCES = tests/models/test_client_load.c \
	$(model_tests_fixture)
tests_models_test_cni_SOURCES = tests/models/test_cni.c $(cni_tests_fixture)
tests_models_test_cni_addresses_SOURCES = tests/models/test_cni_addresses.c \
	$(cni_tests_fixture)
tests_models_test_cni_bridge_SOURCES = tests/models/test_cni_bridge.c \
	$(model_tests_fixture)
tests_models_test_cni_cilium_SOURCES = tests/models/test_cni_cilium.c \
	$(model_tests_fixture)
tests_models_test_cni_programs_SOURCES = tests/models/test_cni_programs.c \
	$(cni_tests_fixture)
tests_models_test_cni_rules_SOURCES = tests/models/test_cni_rules.c \
	$(model_tests_fixture)
tests_models_test_cni_vpc_SOURCES = tests/models/test_cni_vpc.c $(model_tests_fixture)
tests_models_test_conntrack_SOURCES = tests/models/test_conntrack.c \
	$(model_tests_fixture)
tests_models_test_container_SOURCES = tests/models/test_container.c \
	$(model_tests_fixture)

tests_models_test_client_retry_SOURCES = tests/models/test_client_retry.c \
	$(model_tests_fixture)

tests_models_test_client_trace_SOURCES = tests/models/test_client_trace.c \
	$(model_tests_fixture)
tests_models_test_container_calls_SOURCES = tests/models/test_container_calls.c \
	$(model_tests_fixture)

tests_models_test_container_names_SOURCES = \
	tests/models/test_container_names.c $(model_tests_fixture)
tests_models_test_container_names_LDADD = $(TEST_LIBS)
tests_models_test_container_life_SOURCES = tests/models/test_container_life.c \
	$(model_tests_fixture)

tests_models_test_container_work_SOURCES = tests/models/test_container_work.c \
	$(model_tests_fixture)
tests_models_test_coredns_SOURCES = tests/models/test_coredns.c \
	$(model_tests_fixture)
tests_models_test_dns_nodelocal_SOURCES = tests/models/test_dns_nodelocal.c \
	$(model_tests_fixture)
tests_models_test_dns_choice_SOURCES = tests/models/test_dns_choice.c \
	$(model_tests_fixture)
tests_models_test_dns_tcp_SOURCES = tests/models/test_dns_tcp.c \
	$(model_tests_fixture)
tests_models_test_dns_names_SOURCES = tests/models/test_dns_names.c \
	$(model_tests_fixture)
tests_models_test_dns_SOURCES = tests/models/test_dns.c $(model_tests_fixture)
tests_models_test_dns_recursion_SOURCES = tests/models/test_dns_recursion.c \
	$(model_tests_fixture)
tests_models_test_dns_stub_SOURCES = tests/models/test_dns_stub.c \
	$(model_tests_fixture)
tests_models_test_http3_SOURCES = tests/models/test_http3.c $(model_tests_fixture)
tests_models_test_http3_LDADD = $(TEST_LIBS)
tests_models_test_http2_SOURCES = tests/models/test_http2.c $(model_tests_fixture)
tests_models_test_http2_LDADD = $(TEST_LIBS) -lm
tests_models_test_sidecar_SOURCES = tests/models/test_sidecar.c \
	$(sidecar_tests_fixture)
tests_models_test_sidecar_policy_SOURCES = tests/models/test_sidecar_policy.c \
	$(sidecar_tests_fixture)
tests_models_test_https_SOURCES = tests/models/test_https.c $(model_tests_fixture)
tests_models_test_gso_SOURCES = tests/models/test_gso.c $(model_tests_fixture)
tests_models_test_health_check_SOURCES = tests/models/test_health_check.c \
	$(model_tests_fixture)
tests_models_test_incidents_life_SOURCES = tests/models/test_incidents_life.c \
	$(model_tests_fixture)
tests_models_test_incidents_tcp_SOURCES = tests/models/test_incidents_tcp.c \
	$(model_tests_fixture)
tests_models_test_incidents_load_SOURCES = tests/models/test_incidents_load.c \
	$(model_tests_fixture)

tests_models_test_ingress_SOURCES = tests/models/test_ingress.c $(model_tests_fixture)
tests_models_test_ingress_profiles_SOURCES = tests/models/test_ingress_profiles.c \
	$(ingress_tests_fixture)
tests_models_test_ingress_drain_SOURCES = tests/models/test_ingress_drain.c \
	$(ingress_tests_fixture)
tests_models_test_ingress_http2_SOURCES = tests/models/test_ingress_http2.c \
	$(ingress_tests_fixture)
tests_models_test_ingress_retry_SOURCES = tests/models/test_ingress_retry.c \
	$(ingress_tests_fixture)
tests_models_test_websocket_SOURCES = tests/models/test_websocket.c $(model_tests_fixture)
tests_models_test_websocket_LDADD = $(TEST_LIBS)
tests_models_test_ingress_rules_SOURCES = tests/models/test_ingress_rules.c \
	$(model_tests_fixture)
tests_models_test_kubeproxy_SOURCES = tests/models/test_kubeproxy.c $(model_tests_fixture)
tests_models_test_kubeproxy_config_SOURCES = tests/models/test_kubeproxy_config.c \
	$(model_tests_fixture)
tests_models_test_kubeproxy_iptables_SOURCES = \
	tests/models/test_kubeproxy_iptables.c $(proxy_tests_fixture)
tests_models_test_kubeproxy_ipvs_SOURCES = tests/models/test_kubeproxy_ipvs.c \
	$(model_tests_fixture)
tests_models_test_kubeproxy_ipvs_choice_SOURCES = \
	tests/models/test_kubeproxy_ipvs_choice.c $(model_tests_fixture)
tests_models_test_kubeproxy_ipvs_flags_SOURCES = \
	tests/models/test_kubeproxy_ipvs_flags.c $(model_tests_fixture)
tests_models_test_kubeproxy_ipvs_sync_SOURCES = \
	tests/models/test_kubeproxy_ipvs_sync.c $(model_tests_fixture)
tests_models_test_kubeproxy_names_SOURCES = tests/models/test_kubeproxy_names.c
tests_models_test_kubeproxy_nftables_SOURCES = \
	tests/models/test_kubeproxy_nftables.c $(proxy_tests_fixture)
tests_models_test_kubeproxy_runner_SOURCES = tests/models/test_kubeproxy_runner.c
tests_models_test_kubeproxy_sync_SOURCES = tests/models/test_kubeproxy_sync.c \
	$(model_tests_fixture)
tests_models_test_link_bond_SOURCES = tests/models/test_link_bond.c $(model_tests_fixture)
tests_models_test_device_qdisc_SOURCES = tests/models/test_device_qdisc.c $(model_tests_fixture)
tests_models_test_link_qdisc_SOURCES = tests/models/test_link_qdisc.c $(model_tests_fixture)
tests_models_test_lb_SOURCES = tests/models/test_lb.c $(model_tests_fixture)
tests_models_test_lb_health_SOURCES = tests/models/test_lb_health.c $(model_tests_fixture)
tests_models_test_packet_flow_SOURCES = tests/models/test_packet_flow.c \
	$(proxy_tests_fixture)
tests_models_test_pod_SOURCES = tests/models/test_pod.c $(model_tests_fixture)
tests_models_test_topology_SOURCES = tests/models/test_topology.c $(model_tests_fixture)

script_tests += tests/models/unbound.sh
EXTRA_DIST += tests/models/unbound.py
