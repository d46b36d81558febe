#include "executor/secrets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"
#include "executor/os.h"

namespace servo::executor {
namespace {

Error unavailable_secret(const std::string& name, std::string_view why) {
    return failed_precondition(
        "secret_unavailable",
        fmt::format("secret {} is not available on this executor: {}", name, why)
    );
}

Result<std::string> from_env(const std::string& name, const std::string& variable) {
    if (variable.starts_with("SERVO_")) {
        return fail(unavailable_secret(
            name, fmt::format("{} is the executor's own; give the value another name", variable)
        ));
    }
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) {
        return fail(unavailable_secret(
            name,
            fmt::format("set the environment variable {} for the executor and restart it", variable)
        ));
    }
    return std::string(value);
}

Result<std::string> read_all(const std::string& name, const std::string& path, int fd) {
    std::string value(kSecretBytesMax + 1, '\0');
    size_t size = 0;
    while (size < value.size()) {
        const ssize_t got = ::read(fd, value.data() + size, value.size() - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(
                unavailable_secret(name, fmt::format("cannot read {}: {}", path, error_text(errno)))
            );
        }
        if (got == 0) {
            break;
        }
        size += static_cast<size_t>(got);
    }
    if (size > kSecretBytesMax) {
        return fail(unavailable_secret(
            name, fmt::format("{} is longer than {} bytes", path, kSecretBytesMax)
        ));
    }
    value.resize(size);
    return value;
}

Result<std::string> from_file(
    const std::string& name, const std::string& file, const std::string& folder
) {
    const std::string path =
        folder.empty() ? file : (std::filesystem::path(folder) / file).lexically_normal().string();
    if (!path.starts_with('/')) {
        return fail(
            unavailable_secret(name, fmt::format("the path {} must be absolute", shell_quote(path)))
        );
    }
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0) {
        return fail(
            unavailable_secret(name, fmt::format("cannot open {}: {}", path, error_text(errno)))
        );
    }
    if (!S_ISREG(info.st_mode)) {
        return fail(unavailable_secret(name, fmt::format("{} is not a regular file", path)));
    }
    if ((info.st_mode & S_IROTH) != 0) {
        return fail(unavailable_secret(
            name,
            fmt::format(
                "everyone on the machine may read {0}; run: chmod 600 {1} (in Kubernetes set the "
                "volume's defaultMode to 0400)",
                path,
                shell_quote(path)
            )
        ));
    }
    std::string value = SERVO_TRY(read_all(name, path, fd.get()));
    if (value.ends_with('\n')) {
        value.pop_back();
    }
    if (value.ends_with('\r')) {
        value.pop_back();
    }
    return value;
}

}  // namespace

Result<std::map<std::string, std::string>> resolve_secrets(
    const std::map<std::string, model::SecretRef>& references, const std::string& folder
) {
    std::map<std::string, std::string> values;
    for (const auto& [name, reference] : references) {
        std::string value = SERVO_TRY(
            reference.file.empty() ? from_env(name, reference.env)
                                   : from_file(name, reference.file, folder)
        );
        if (value.find('\0') != std::string::npos) {
            return fail(unavailable_secret(name, "its value contains a NUL byte"));
        }
        values.emplace(name, std::move(value));
    }
    return values;
}

Redactor::Redactor(const std::map<std::string, std::string>& secrets) {
    for (const auto& [name, value] : secrets) {
        values_.push_back(value);
        if (value.find('\n') != std::string::npos) {
            for (std::string& line : split(value, '\n')) {
                values_.push_back(std::move(line));
            }
        }
    }
    std::erase_if(values_, [](const std::string& v) { return v.size() < kRedactedBytesMin; });
    std::sort(values_.begin(), values_.end(), [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() > b.size() : a < b;
    });
    values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
}

size_t Redactor::match_at(std::string_view rest) const {
    for (const std::string& value : values_) {
        if (rest[0] == value[0] && rest.starts_with(value)) {
            return value.size();
        }
    }
    return 0;
}

std::string Redactor::redact(std::string_view text, size_t drop) const {
    if (values_.empty()) {
        return std::string(text.substr(std::min(drop, text.size())));
    }
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size();) {
        const size_t matched = match_at(text.substr(i));
        const size_t step = std::max<size_t>(matched, 1);
        if (i + step > drop) {
            if (matched > 0) {
                out += "***";
            } else {
                out += text[i];
            }
        }
        i += step;
    }
    return out;
}

size_t Redactor::held_back(std::string_view text) const {
    for (size_t size = std::min(text.size(), longest()); size > 0; --size) {
        const std::string_view end = text.substr(text.size() - size);
        const bool begins_value =
            std::any_of(values_.begin(), values_.end(), [end](const std::string& value) {
                return value.size() > end.size() && value.starts_with(end);
            });
        if (begins_value) {
            return size;
        }
    }
    return 0;
}

}  // namespace servo::executor
