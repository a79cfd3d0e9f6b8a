/* OpenSSL's part of the measurement: `openssl WHAT N root.pem intermediate.pem leaf.pem key.pem`
 * does WHAT N times after its set-up, and prints the microseconds of CPU time that one took.
 *
 * WHAT is verify-pkix, verify-dane-ee, verify-dane-ta (parsing the certificates each time, as a
 * handshake does), or handshake-pkix, handshake-dane-ee, handshake-dane-ta (both ends in memory,
 * TLS 1.3, X25519, no resumption). */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOST "mx.example.org"
#define CHECK(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "failed: %s\n", #what); \
            ERR_print_errors_fp(stderr); \
            exit(1); \
        } \
    } while (0)

static X509 *root, *intermediate, *leaf;
static EVP_PKEY *key;
static unsigned char *der_leaf, *der_intermediate;
static int len_leaf, len_intermediate;
static SSL_CTX *client, *server;
/* Usage of the TLSA record; 0 is PKIX without DANE. */
static int usage;
static unsigned char digest[EVP_MAX_MD_SIZE];

static X509 *certificate(const char *path) {
    BIO *file = BIO_new_file(path, "r");
    CHECK(file);
    X509 *read = PEM_read_bio_X509(file, NULL, NULL, NULL);
    CHECK(read);
    BIO_free(file);
    return read;
}

/* The record that the client knows. */
static void tlsa(SSL *ssl) {
    CHECK(SSL_dane_enable(ssl, HOST) > 0);
    CHECK(SSL_dane_tlsa_add(ssl, usage, 1, 1, digest, 32) > 0);
}

static void verify(SSL *ssl, X509_STORE *roots) {
    const unsigned char *at = der_leaf;
    X509 *own = d2i_X509(NULL, &at, len_leaf);
    at = der_intermediate;
    X509 *above = d2i_X509(NULL, &at, len_intermediate);
    STACK_OF(X509) *sent = sk_X509_new_null();
    CHECK(own && above && sk_X509_push(sent, own) && sk_X509_push(sent, above));
    if (usage == 2) {
        CHECK(X509_up_ref(root) && sk_X509_push(sent, root));
    }
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    CHECK(X509_STORE_CTX_init(context, roots, own, sent));
    CHECK(X509_STORE_CTX_set_default(context, "ssl_server"));
    CHECK(X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context), HOST, 0));
    if (usage) {
        X509_STORE_CTX_set0_dane(context, SSL_get0_dane(ssl));
    }
    CHECK(X509_verify_cert(context) > 0);
    X509_STORE_CTX_free(context);
    sk_X509_pop_free(sent, X509_free);
}

static void handshake(void) {
    SSL *near = SSL_new(client), *far = SSL_new(server);
    BIO *near_bio, *far_bio;
    CHECK(near && far && BIO_new_bio_pair(&near_bio, 1 << 16, &far_bio, 1 << 16));
    SSL_set_bio(near, near_bio, near_bio);
    SSL_set_bio(far, far_bio, far_bio);
    SSL_set_connect_state(near);
    SSL_set_accept_state(far);
    if (usage) {
        tlsa(near);
    } else {
        CHECK(SSL_set1_host(near, HOST));
    }
    CHECK(SSL_set_tlsext_host_name(near, HOST));
    int near_done = 0, far_done = 0;
    while (!near_done || !far_done) {
        if (!near_done) {
            int result = SSL_do_handshake(near);
            near_done = result == 1;
            CHECK(near_done || SSL_get_error(near, result) == SSL_ERROR_WANT_READ);
        }
        if (!far_done) {
            int result = SSL_do_handshake(far);
            far_done = result == 1;
            CHECK(far_done || SSL_get_error(far, result) == SSL_ERROR_WANT_READ);
        }
    }
    CHECK(SSL_get_verify_result(near) == X509_V_OK);
    CHECK(SSL_version(near) == TLS1_3_VERSION);
    SSL_free(near);
    SSL_free(far);
}

static SSL_CTX *context(const SSL_METHOD *method) {
    SSL_CTX *made = SSL_CTX_new(method);
    CHECK(made);
    CHECK(SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION));
    CHECK(SSL_CTX_set1_groups_list(made, "X25519"));
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(made, SSL_OP_NO_TICKET);
    return made;
}

int main(int argc, char **argv) {
    CHECK(argc == 7);
    const char *what = argv[1];
    long times = atol(argv[2]);
    root = certificate(argv[3]);
    intermediate = certificate(argv[4]);
    leaf = certificate(argv[5]);
    BIO *file = BIO_new_file(argv[6], "r");
    CHECK(file);
    key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
    CHECK(key);
    len_leaf = i2d_X509(leaf, &der_leaf);
    len_intermediate = i2d_X509(intermediate, &der_intermediate);
    CHECK(len_leaf > 0 && len_intermediate > 0);

    const char *kind = strchr(what, '-');
    CHECK(kind);
    usage = !strcmp(kind, "-dane-ee") ? 3 : !strcmp(kind, "-dane-ta") ? 2 : 0;
    unsigned char *spki = NULL;
    X509 *named = usage == 2 ? root : leaf;
    int octets = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(named), &spki);
    CHECK(octets > 0 && EVP_Digest(spki, octets, digest, NULL, EVP_sha256(), NULL));

    client = context(TLS_client_method());
    server = context(TLS_server_method());
    CHECK(SSL_CTX_set_num_tickets(server, 0));
    CHECK(SSL_CTX_use_certificate(server, leaf) && SSL_CTX_use_PrivateKey(server, key));
    CHECK(SSL_CTX_add1_chain_cert(server, intermediate));
    if (usage == 2) {
        CHECK(SSL_CTX_add1_chain_cert(server, root));
    }
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    CHECK(SSL_CTX_dane_enable(client) > 0);
    X509_STORE *roots = SSL_CTX_get_cert_store(client);
    if (!usage) {
        CHECK(X509_STORE_add_cert(roots, root));
    }
    SSL *dane = SSL_new(client);
    CHECK(dane);
    if (usage) {
        tlsa(dane);
    }

    int verifies = !strncmp(what, "verify", 6);
    clock_t start = clock();
    for (long i = 0; i < times; i++) {
        if (verifies) {
            verify(dane, roots);
        } else {
            handshake();
        }
    }
    clock_t end = clock();
    printf("%.3f\n", times ? (end - start) * 1e6 / CLOCKS_PER_SEC / times : 0.0);
    return 0;
}
