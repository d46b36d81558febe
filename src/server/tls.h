// Certificates of the listener. They are read again when a file changes, so that a renewed one is
// in force without a restart; what cannot be read leaves the one before. Used by the io thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace boost::asio::ssl {
class context;
}

namespace servo::server {

struct TlsFiles {
    std::string cert_file;  // PEM, the chain; empty: no TLS
    std::string key_file;
    std::string
        client_ca_file;  // clients must show a certificate that it signed; empty: none asked
    bool on() const { return !cert_file.empty(); }
};

constexpr Millis kTlsCheckEvery{1'000};

class TlsCertificates {
 public:
    explicit TlsCertificates(TlsFiles files);
    ~TlsCertificates();

    // Error: failed_precondition / "bad_tls_files".
    Status load();
    // What a connection that begins now uses; looks at the files at most every kTlsCheckEvery.
    std::shared_ptr<boost::asio::ssl::context> current();

 private:
    std::string signature() const;  // changes when a file does

    TlsFiles files_;
    std::shared_ptr<boost::asio::ssl::context> context_;
    std::string loaded_;  // signature of what was read, or could not be
    int64_t checked_at_ms_ = 0;
};

}  // namespace servo::server
