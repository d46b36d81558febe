#include "server/tls.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>

#include "base/log.h"
#include "engine/loop.h"

namespace servo::server {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

constexpr unsigned char kSessionContext[] = "servo";

Error bad_files(const std::string& file, const error_code& error) {
    return failed_precondition(
        "bad_tls_files",
        fmt::format(
            "{} cannot be used for TLS: {}. --tls-cert, --tls-key and --tls-client-ca name PEM "
            "files, the key without a password.",
            file,
            error.message()
        )
    );
}

Result<std::shared_ptr<ssl::context>> read(const TlsFiles& files) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    SSL_CTX* handle = context->native_handle();
    SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
    SSL_CTX_set_options(handle, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_id_context(handle, kSessionContext, sizeof kSessionContext - 1);
    error_code error;
    // Nobody is there to type one.
    context->set_password_callback(
        [](size_t, ssl::context::password_purpose) { return std::string(); }, error
    );
    if (context->use_certificate_chain_file(files.cert_file, error); error) {
        return fail(bad_files(files.cert_file, error));
    }
    if (context->use_private_key_file(files.key_file, ssl::context::pem, error); error) {
        return fail(bad_files(files.key_file, error));
    }
    if (!files.client_ca_file.empty()) {
        if (context->load_verify_file(files.client_ca_file, error); error) {
            return fail(bad_files(files.client_ca_file, error));
        }
        context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, error);
    }
    return context;
}

}  // namespace

TlsCertificates::TlsCertificates(TlsFiles files) : files_(std::move(files)) {}
TlsCertificates::~TlsCertificates() = default;

std::string TlsCertificates::signature() const {
    std::string out;
    for (const std::string& file : {files_.cert_file, files_.key_file, files_.client_ca_file}) {
        struct stat info {};
        if (!file.empty() && stat(file.c_str(), &info) == 0) {
            out += fmt::format(
                "{} {} {} {};", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec
            );
        }
    }
    return out;
}

Status TlsCertificates::load() {
    loaded_ = signature();
    context_ = SERVO_TRY(read(files_));
    return {};
}

std::shared_ptr<ssl::context> TlsCertificates::current() {
    const int64_t now_ms = engine::boottime_ms();
    if (now_ms - checked_at_ms_ < kTlsCheckEvery.count()) {
        return context_;
    }
    checked_at_ms_ = now_ms;
    if (signature() == loaded_) {
        return context_;
    }
    if (const Status read = load(); read) {
        spdlog::info("the TLS certificate was read again from {}", files_.cert_file);
    } else {
        spdlog::warn("the TLS certificate of before stays: {}", read.error().message);
    }
    return context_;
}

}  // namespace servo::server
