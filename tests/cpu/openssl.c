/* Every digest, cipher and MAC that libcrypto provides, and some of its arithmetic, over inputs of
   many sizes: a line for each with a checksum of all that came out, and one for what does not come
   back when it is decrypted (OpenSSL 3.5's SM4-XTS on Neoverse N1 does not, with us and elsewhere).
   Prototypes are declared here because the compiler's root has no libcrypto. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct evp_md_st EVP_MD;
typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_cipher_st EVP_CIPHER;
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
typedef struct evp_mac_st EVP_MAC;
typedef struct evp_mac_ctx_st EVP_MAC_CTX;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_pkey_ctx_st EVP_PKEY_CTX;
typedef struct bignum_st BIGNUM;
typedef struct bignum_ctx BN_CTX;
typedef struct ec_group_st EC_GROUP;
typedef struct ec_point_st EC_POINT;
typedef struct {
    const char *key;
    unsigned int data_type;
    void *data;
    size_t data_size, return_size;
} OSSL_PARAM;

void *OSSL_PROVIDER_load(void *, const char *);
void EVP_MD_do_all_provided(void *, void (*)(EVP_MD *, void *), void *);
const char *EVP_MD_get0_name(const EVP_MD *);
unsigned long EVP_MD_get_flags(const EVP_MD *);
EVP_MD_CTX *EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(EVP_MD_CTX *);
int EVP_DigestInit_ex(EVP_MD_CTX *, const EVP_MD *, void *);
int EVP_DigestUpdate(EVP_MD_CTX *, const void *, size_t);
int EVP_DigestFinal_ex(EVP_MD_CTX *, unsigned char *, unsigned int *);
int EVP_DigestFinalXOF(EVP_MD_CTX *, unsigned char *, size_t);
void EVP_CIPHER_do_all_provided(void *, void (*)(EVP_CIPHER *, void *), void *);
const char *EVP_CIPHER_get0_name(const EVP_CIPHER *);
unsigned long EVP_CIPHER_get_flags(const EVP_CIPHER *);
int EVP_CIPHER_get_mode(const EVP_CIPHER *);
EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *);
void EVP_CIPHER_CTX_set_flags(EVP_CIPHER_CTX *, int);
int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *, int, int, void *);
int EVP_CipherInit_ex(EVP_CIPHER_CTX *, const EVP_CIPHER *, void *, const unsigned char *,
                      const unsigned char *, int);
int EVP_CipherUpdate(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);
int EVP_CipherFinal_ex(EVP_CIPHER_CTX *, unsigned char *, int *);
EVP_MAC *EVP_MAC_fetch(void *, const char *, const char *);
EVP_MAC_CTX *EVP_MAC_CTX_new(EVP_MAC *);
int EVP_MAC_init(EVP_MAC_CTX *, const unsigned char *, size_t, const OSSL_PARAM *);
int EVP_MAC_update(EVP_MAC_CTX *, const unsigned char *, size_t);
int EVP_MAC_final(EVP_MAC_CTX *, unsigned char *, size_t *, size_t);
OSSL_PARAM OSSL_PARAM_construct_utf8_string(const char *, char *, size_t);
OSSL_PARAM OSSL_PARAM_construct_octet_string(const char *, void *, size_t);
OSSL_PARAM OSSL_PARAM_construct_end(void);
EVP_PKEY *EVP_PKEY_new_raw_private_key(int, void *, const unsigned char *, size_t);
int EVP_PKEY_get_raw_public_key(const EVP_PKEY *, unsigned char *, size_t *);
int EVP_DigestSignInit(EVP_MD_CTX *, EVP_PKEY_CTX **, const EVP_MD *, void *, EVP_PKEY *);
int EVP_DigestSign(EVP_MD_CTX *, unsigned char *, size_t *, const unsigned char *, size_t);
BIGNUM *BN_new(void);
BIGNUM *BN_bin2bn(const unsigned char *, int, BIGNUM *);
int BN_bn2bin(const BIGNUM *, unsigned char *);
int BN_num_bits(const BIGNUM *);
int BN_set_bit(BIGNUM *, int);
int BN_mod_exp(BIGNUM *, const BIGNUM *, const BIGNUM *, const BIGNUM *, BN_CTX *);
int BN_mul(BIGNUM *, const BIGNUM *, const BIGNUM *, BN_CTX *);
int BN_div(BIGNUM *, BIGNUM *, const BIGNUM *, const BIGNUM *, BN_CTX *);
BN_CTX *BN_CTX_new(void);
EC_GROUP *EC_GROUP_new_by_curve_name(int);
EC_POINT *EC_POINT_new(const EC_GROUP *);
int EC_POINT_mul(const EC_GROUP *, EC_POINT *, const BIGNUM *, const EC_POINT *, const BIGNUM *,
                 BN_CTX *);
size_t EC_POINT_point2oct(const EC_GROUP *, const EC_POINT *, int, unsigned char *, size_t,
                          BN_CTX *);

enum { LARGEST = 5000, AEAD = 0x200000, TAG_GET = 0x10, TAG_SET = 0x11 };
static const int sizes[] = {0,  1,  7,  8,   15,  16,  17,  31,   32,   33,   63,  64,
                            65, 96, 127, 128, 129, 255, 256, 500, 1024, 1031, 4096, LARGEST};
enum { SIZES = sizeof sizes / sizeof *sizes };
static unsigned char input[LARGEST + 16], key[256], iv[64];

static uint64_t sum;
static void add(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) sum = (sum ^ data[i]) * 0x100000001b3;
    sum = (sum ^ size) * 0x100000001b3;
}
static void begin(void) { sum = 0xcbf29ce484222325; }
static void end(const char *kind, const char *name)
{
    printf("%s %s %016llx\n", kind, name, (unsigned long long)sum);
}

static void digest(EVP_MD *md, void *unused)
{
    unsigned char out[512];
    begin();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    for (int n = 0; n < SIZES; n++) {
        unsigned int size = 0;
        if (!EVP_DigestInit_ex(ctx, md, NULL)) continue;
        // In two parts, from an address that moves.
        EVP_DigestUpdate(ctx, input + n % 9, sizes[n] / 3);
        EVP_DigestUpdate(ctx, input + n % 9 + sizes[n] / 3, sizes[n] - sizes[n] / 3);
        if (EVP_MD_get_flags(md) & 2) {
            size = 200;
            EVP_DigestFinalXOF(ctx, out, size);
        } else {
            EVP_DigestFinal_ex(ctx, out, &size);
        }
        add(out, size);
    }
    EVP_MD_CTX_free(ctx);
    end("digest", EVP_MD_get0_name(md));
}

/* Encrypts (1) or decrypts (0); gives the size of the output, or -1. */
static int crypt(const EVP_CIPHER *cipher, int encrypt, const unsigned char *in, int size,
                 unsigned char *out, unsigned char *tag)
{
    int done = 0, more = 0, unused = 0, mode = EVP_CIPHER_get_mode(cipher);
    int aead = (EVP_CIPHER_get_flags(cipher) & AEAD) != 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    // EVP_CIPHER_CTX_FLAG_WRAP_ALLOW.
    EVP_CIPHER_CTX_set_flags(ctx, 1);
    int good = EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, encrypt);
    if (good && aead && !encrypt) EVP_CIPHER_CTX_ctrl(ctx, TAG_SET, 16, tag);
    // CCM wants the size of the tag beforehand, and that of the text.
    if (good && aead && encrypt && mode == 7) EVP_CIPHER_CTX_ctrl(ctx, TAG_SET, 16, NULL);
    good = good && EVP_CipherInit_ex(ctx, NULL, NULL, key, iv, encrypt);
    if (good && mode == 7) good = EVP_CipherUpdate(ctx, NULL, &unused, NULL, size);
    if (good && aead) good = EVP_CipherUpdate(ctx, NULL, &unused, iv, 13);
    good = good && EVP_CipherUpdate(ctx, out, &done, in, size)
        && EVP_CipherFinal_ex(ctx, out + done, &more);
    if (good && aead && encrypt) EVP_CIPHER_CTX_ctrl(ctx, TAG_GET, 16, tag);
    EVP_CIPHER_CTX_free(ctx);
    return good ? done + more : -1;
}

static void cipher(EVP_CIPHER *cipher, void *unused)
{
    static unsigned char out[LARGEST + 256], back[LARGEST + 256];
    int worked = 0;
    // What it wraps with is random; these want a TLS record.
    const char *name = EVP_CIPHER_get0_name(cipher);
    if (strstr(name, "DES3-WRAP") || strstr(name, "-HMAC-")) return;
    begin();
    for (int n = 0; n < SIZES; n++) {
        unsigned char tag[16] = {0};
        const unsigned char *in = input + n % 9;
        int size = crypt(cipher, 1, in, sizes[n], out + n % 5, tag);
        if (size < 0) continue;
        add(out + n % 5, size);
        add(tag, sizeof tag);
        int same = crypt(cipher, 0, out + n % 5, size, back + n % 3, tag);
        if (same == sizes[n] && !memcmp(back + n % 3, in, same)) {
            worked++;
        } else if (same >= 0) {
            printf("cipher %s: %d bytes do not come back\n", name, sizes[n]);
        }
    }
    sum ^= worked;
    end("cipher", name);
}

static void mac(const char *name, const char *what, const char *with, size_t key_size)
{
    OSSL_PARAM params[3], *p = params;
    char label[64];
    if (what) *p++ = OSSL_PARAM_construct_utf8_string(what, (char *)with, 0);
    if (!strcmp(name, "GMAC")) *p++ = OSSL_PARAM_construct_octet_string("iv", iv, 12);
    *p = OSSL_PARAM_construct_end();
    EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
    if (!mac) return;
    begin();
    for (int n = 0; n < SIZES; n++) {
        unsigned char out[256];
        size_t size = 0;
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
        if (EVP_MAC_init(ctx, key, key_size, params) && EVP_MAC_update(ctx, input + n % 9, sizes[n])
            && EVP_MAC_final(ctx, out, &size, sizeof out))
            add(out, size);
    }
    snprintf(label, sizeof label, "%s-%s", name, with ? with : "");
    end("mac", label);
}

static void numbers(void)
{
    static const int bits[] = {64, 192, 256, 384, 512, 521, 1024, 1536, 2048, 3072, 4096};
    unsigned char out[2048];
    BN_CTX *ctx = BN_CTX_new();
    for (unsigned n = 0; n < sizeof bits / sizeof *bits; n++) {
        int size = bits[n] / 8;
        BIGNUM *a = BN_bin2bn(input, size, NULL), *b = BN_bin2bn(input + 700, size, NULL);
        BIGNUM *m = BN_bin2bn(input + 1400, size, NULL), *r = BN_new(), *q = BN_new();
        char name[32];
        BN_set_bit(m, 0);
        begin();
        BN_mul(r, a, b, ctx), add(out, BN_bn2bin(r, out));
        BN_div(q, r, r, m, ctx), add(out, BN_bn2bin(q, out)), add(out, BN_bn2bin(r, out));
        BN_mod_exp(r, a, b, m, ctx), add(out, BN_bn2bin(r, out));
        snprintf(name, sizeof name, "%d", bits[n]);
        end("number", name);
    }
    // P-256, P-384, P-521, secp256k1, SM2.
    static const int curves[] = {415, 715, 716, 714, 1172};
    for (unsigned n = 0; n < sizeof curves / sizeof *curves; n++) {
        EC_GROUP *group = EC_GROUP_new_by_curve_name(curves[n]);
        char name[32];
        if (!group) continue;
        EC_POINT *p = EC_POINT_new(group), *q = EC_POINT_new(group);
        begin();
        for (int i = 0; i < 4; i++) {
            BIGNUM *k = BN_bin2bn(input + i * 40, 31, NULL);
            EC_POINT_mul(group, p, k, NULL, NULL, ctx);
            EC_POINT_mul(group, q, NULL, p, k, ctx);
            // Uncompressed.
            add(out, EC_POINT_point2oct(group, p, 4, out, sizeof out, ctx));
            add(out, EC_POINT_point2oct(group, q, 4, out, sizeof out, ctx));
        }
        snprintf(name, sizeof name, "%d", curves[n]);
        end("curve", name);
    }
    // X25519, X448, Ed25519, Ed448.
    static const struct { int id, size; } keys[] = {{1034, 32}, {1035, 56}, {1087, 32}, {1088, 57}};
    for (unsigned n = 0; n < 4; n++) {
        char name[32];
        begin();
        for (int i = 0; i < 4; i++) {
            size_t size = sizeof out;
            EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(keys[n].id, NULL, input + 64 * i, keys[n].size);
            if (pkey && EVP_PKEY_get_raw_public_key(pkey, out, &size)) add(out, size);
            if (n < 2) continue;
            EVP_MD_CTX *md = EVP_MD_CTX_new();
            size = sizeof out;
            if (EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) && EVP_DigestSign(md, out, &size, input, 999))
                add(out, size);
        }
        snprintf(name, sizeof name, "%d", keys[n].id);
        end("key", name);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    uint32_t state = 1;
    for (unsigned i = 0; i < sizeof input; i++) {
        state = state * 1664525 + 1013904223;
        input[i] = state >> 24;
    }
    for (unsigned i = 0; i < sizeof key; i++) key[i] = i * 73 + 41;
    for (unsigned i = 0; i < sizeof iv; i++) iv[i] = i * 29 + 3;
    OSSL_PROVIDER_load(NULL, "default");
    OSSL_PROVIDER_load(NULL, "legacy");
    EVP_MD_do_all_provided(NULL, digest, NULL);
    EVP_CIPHER_do_all_provided(NULL, cipher, NULL);
    mac("HMAC", "digest", "SHA256", 40);
    mac("HMAC", "digest", "SHA512", 200);
    mac("CMAC", "cipher", "AES-256-CBC", 32);
    mac("CMAC", "cipher", "SM4-CBC", 16);
    mac("GMAC", "cipher", "AES-128-GCM", 16);
    mac("KMAC-256", NULL, NULL, 32);
    mac("BLAKE2BMAC", NULL, NULL, 32);
    mac("BLAKE2SMAC", NULL, NULL, 32);
    mac("SIPHASH", NULL, NULL, 16);
    mac("POLY1305", NULL, NULL, 32);
    numbers();
    return 0;
}
