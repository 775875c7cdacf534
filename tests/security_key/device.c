/*
 * A security key made of software, as a provider library of OpenSSH's (PROTOCOL.u2f, "Loading resident keys" and sk-api.h,
 * API version 10): what `SSH_SK_PROVIDER` names. For tests only: the key handle is the private key itself, and whoever asks
 * touches it.
 *
 * It verifies its user as a real one does: by a PIN, when that is asked for, and says in the flags what it did.
 *
 *     cc -shared -fPIC -o device.so device.c -lcrypto
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From sk-api.h: what the two sides agree on. */
#define SK_VERSION_MAJOR 0x000a0000
#define SK_USER_PRESENCE_REQD 0x01
#define SK_USER_VERIFICATION_REQD 0x04
#define SK_ECDSA 0x00
#define SK_ED25519 0x01
#define SK_ERR_GENERAL -1
#define SK_ERR_UNSUPPORTED -2
#define SK_ERR_PIN_REQUIRED -3

struct sk_enroll_response {
    uint8_t flags;
    uint8_t *public_key;
    size_t public_key_len;
    uint8_t *key_handle;
    size_t key_handle_len;
    uint8_t *signature;
    size_t signature_len;
    uint8_t *attestation_cert;
    size_t attestation_cert_len;
    uint8_t *authdata;
    size_t authdata_len;
};

struct sk_sign_response {
    uint8_t flags;
    uint32_t counter;
    uint8_t *sig_r;
    size_t sig_r_len;
    uint8_t *sig_s;
    size_t sig_s_len;
};

struct sk_resident_key;
struct sk_option;

/* Its owner's PIN. */
static const char PIN[] = "271828";

/* Of both kinds: an Ed25519 seed, or a P-256 scalar. */
enum { SECRET_BYTES = 32 };

uint32_t sk_api_version(void) { return SK_VERSION_MAJOR; }

static int store(const uint8_t *bytes, size_t length, uint8_t **out, size_t *out_length)
{
    *out = malloc(length);
    if (*out == NULL)
        return -1;
    memcpy(*out, bytes, length);
    *out_length = length;
    return 0;
}

/* Gives the scalar's key pair, and its public point where `point` is not null. */
static EVP_PKEY *p256_key(const uint8_t *secret, uint8_t *point)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = NULL;
    OSSL_PARAM_BLD *builder = NULL;
    OSSL_PARAM *parameters = NULL;
    EC_POINT *public = NULL;
    uint8_t encoded[65];
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *scalar = BN_bin2bn(secret, SECRET_BYTES, NULL);

    if (group == NULL || scalar == NULL || (public = EC_POINT_new(group)) == NULL)
        goto done;
    if (BN_is_zero(scalar) || BN_cmp(scalar, EC_GROUP_get0_order(group)) >= 0)
        goto done;
    if (!EC_POINT_mul(group, public, scalar, NULL, NULL, NULL))
        goto done;
    if (EC_POINT_point2oct(group, public, POINT_CONVERSION_UNCOMPRESSED, encoded, sizeof encoded, NULL) != sizeof encoded)
        goto done;
    if ((builder = OSSL_PARAM_BLD_new()) == NULL
        || !OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0)
        || !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof encoded)
        || !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, scalar)
        || (parameters = OSSL_PARAM_BLD_to_param(builder)) == NULL)
        goto done;
    if ((context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL)) == NULL
        || EVP_PKEY_fromdata_init(context) != 1
        || EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters) != 1)
        key = NULL;
    if (key != NULL && point != NULL)
        memcpy(point, encoded, sizeof encoded);
done:
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EC_POINT_free(public);
    BN_free(scalar);
    EC_GROUP_free(group);
    return key;
}

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
    const char *pin, struct sk_option **options, struct sk_enroll_response **out)
{
    uint8_t secret[SECRET_BYTES], public[65];
    size_t public_length = sizeof public;
    EVP_PKEY *key = NULL;
    struct sk_enroll_response *made = NULL;
    FILE *random = NULL;

    (void)challenge, (void)challenge_len, (void)application, (void)pin, (void)options;
    *out = NULL;
    if (alg != SK_ED25519 && alg != SK_ECDSA)
        return SK_ERR_UNSUPPORTED;
    if ((random = fopen("/dev/urandom", "rb")) == NULL || fread(secret, 1, sizeof secret, random) != sizeof secret)
        goto failed;
    if (alg == SK_ED25519) {
        public_length = 32;
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof secret);
        if (key == NULL || EVP_PKEY_get_raw_public_key(key, public, &public_length) != 1)
            goto failed;
    } else if ((key = p256_key(secret, public)) == NULL) {
        goto failed;
    }
    if ((made = calloc(1, sizeof *made)) == NULL)
        goto failed;
    made->flags = flags;
    /* OpenSSH wants some bytes of an attestation signature, and looks at none of them. */
    if (store(public, public_length, &made->public_key, &made->public_key_len) != 0
        || store(secret, sizeof secret, &made->key_handle, &made->key_handle_len) != 0
        || store((const uint8_t *)"none", 4, &made->signature, &made->signature_len) != 0)
        goto failed;
    fclose(random);
    EVP_PKEY_free(key);
    *out = made;
    return 0;
failed:
    if (random != NULL)
        fclose(random);
    EVP_PKEY_free(key);
    if (made != NULL) {
        free(made->public_key);
        free(made->key_handle);
        free(made->signature);
        free(made);
    }
    return SK_ERR_GENERAL;
}

static int sign_ed25519(const uint8_t *secret, const uint8_t *message, size_t length, struct sk_sign_response *made)
{
    uint8_t signature[64];
    size_t signature_length = sizeof signature;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SECRET_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int done = key != NULL && context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1
        && EVP_DigestSign(context, signature, &signature_length, message, length) == 1
        && store(signature, sizeof signature, &made->sig_r, &made->sig_r_len) == 0;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return done ? 0 : -1;
}

static int sign_p256(const uint8_t *secret, const uint8_t *message, size_t length, struct sk_sign_response *made)
{
    uint8_t der[128], r[32], s[32];
    const uint8_t *at = der;
    size_t der_length = sizeof der;
    ECDSA_SIG *signature = NULL;
    EVP_PKEY *key = p256_key(secret, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int done = key != NULL && context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1
        && EVP_DigestSign(context, der, &der_length, message, length) == 1
        && (signature = d2i_ECDSA_SIG(NULL, &at, (long)der_length)) != NULL
        && BN_bn2binpad(ECDSA_SIG_get0_r(signature), r, sizeof r) == sizeof r
        && BN_bn2binpad(ECDSA_SIG_get0_s(signature), s, sizeof s) == sizeof s
        && store(r, sizeof r, &made->sig_r, &made->sig_r_len) == 0
        && store(s, sizeof s, &made->sig_s, &made->sig_s_len) == 0;
    ECDSA_SIG_free(signature);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return done ? 0 : -1;
}

int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application, const uint8_t *key_handle,
    size_t key_handle_len, uint8_t flags, const char *pin, struct sk_option **options, struct sk_sign_response **out)
{
    uint8_t message[32 + 1 + 4 + 32] = { 0 };
    struct sk_sign_response *made = NULL;
    int done = -1;

    (void)options;
    *out = NULL;
    if ((flags & SK_USER_VERIFICATION_REQD) != 0 && (pin == NULL || strcmp(pin, PIN) != 0))
        return SK_ERR_PIN_REQUIRED;
    if (key_handle_len != SECRET_BYTES || (made = calloc(1, sizeof *made)) == NULL)
        return SK_ERR_GENERAL;
    made->flags = flags & (SK_USER_PRESENCE_REQD | SK_USER_VERIFICATION_REQD);
    made->counter = 0x12345678;
    SHA256((const uint8_t *)application, strlen(application), message);
    message[32] = made->flags;
    memcpy(message + 33, "\x12\x34\x56\x78", 4);
    SHA256(data, data_len, message + 37);
    if (alg == SK_ED25519)
        done = sign_ed25519(key_handle, message, sizeof message, made);
    else if (alg == SK_ECDSA)
        done = sign_p256(key_handle, message, sizeof message, made);
    if (done != 0) {
        free(made->sig_r);
        free(made->sig_s);
        free(made);
        return SK_ERR_GENERAL;
    }
    *out = made;
    return 0;
}

int sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***out, size_t *count)
{
    (void)pin, (void)options, (void)out, (void)count;
    return SK_ERR_UNSUPPORTED;
}
