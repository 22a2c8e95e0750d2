/* kube-proxy's ipvs mode: flags of schedulers, and schedulers that it does not take. */
#include "models/fixture.h"

/* FlagSourceHash of pkg/proxy/ipvs/proxier.go is set for mh alone. */
static void
test_only_mh_hashes_ports(void)
{
    static const char *const expected[] = {"-A -t 10.96.0.1:80 -s mh -b mh-port\n",
                                           "-A -t 10.96.0.1:80 -s sh\n"};

    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        Model *model =
            model_new("<cluster proxy='ipvs' %s/><node id='n'/><switch id='sw'/>"
                      "<link from='n' to='sw'/>"
                      "<service id='s' cluster-ip='10.96.0.1' select='a=b'/>",
                      i ? "ipvs-scheduler='sh'" : "ipvs-scheduler='mh'");
        g_autofree char *text = vs_ipvs_print(model_host(model, "n")->root->ipvs);

        CU_ASSERT_STRING_EQUAL(text, expected[i]);
        model_free(model);
    }
}

/* Those of IPVS that kube-proxy's configuration does not know. */
static void
test_schedulers_of_others_are_refused(void)
{
    model_check_error("fo", "<cluster proxy='ipvs' ipvs-scheduler='fo'/>");
    model_check_error("ovf", "<cluster proxy='ipvs' ipvs-scheduler='ovf'/>");
}

static const VsTestCase tests[] = {
    {"only mh hashes ports", test_only_mh_hashes_ports},
    {"schedulers of others are refused", test_schedulers_of_others_are_refused},
    {0},
};
VS_TESTS("kubeproxy_ipvs_flags")
