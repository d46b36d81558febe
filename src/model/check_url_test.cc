#include "model/check_url.h"

#include <gtest/gtest.h>

#include <vector>

#include "model/pool.h"

namespace servo::model {
namespace {

TEST(CheckUrl, WhatIsRight) {
    for (const char* url :
         {"http://a",
          "https://warehouse.example.com/health",
          "http://10.0.0.7:8080/?ready=1",
          "https://db_1:65535#x",
          "https://api/users/@me?q=a@b",
          "http://[::1]/",
          "http://[fe80::1.2.3.4]:80"}) {
        EXPECT_EQ(check_url_problem(url), "") << url;
        EXPECT_TRUE(is_check_url(url)) << url;
    }
}

struct Wrong {
    std::string url;
    const char* said;
};

TEST(CheckUrl, SaysWhatIsWrong) {
    const std::vector<Wrong> rows = {
        {"", "Must begin with http:// or https://"},
        {"a:80", "Must begin with http:// or https://"},
        {"ftp://a/", "Must begin with http:// or https://"},
        {"HTTP://a/", "Must begin with http:// or https://"},
        {"http://", "Names no host"},
        {"http:///path", "Names no host"},
        {"http://:80/", "Names no host"},
        {"http://a,b/", "\"a,b\" is not a host"},
        {"http://a:/", "\"\" is not a port"},
        {"http://a:0/", "\"0\" is not a port"},
        {"http://a:65536/", "a number from 1 to 65535"},
        {"http://a:8o/", "\"8o\" is not a port"},
        {"http://[::1/", "not closed"},
        {"http://[]/", "is not an IPv6 address"},
        {"http://[host]/", "\"host\" is not an IPv6 address"},
        {"http://[::1]80/", "\"80\" after the bracket"},
        {"http://[::1]:99999/", "\"99999\" is not a port"},
        {"http://::1:80/", "stands in brackets"},
        {"http://fe80::1/", "stands in brackets"},
        {"http://user:word@a/", "Must not name a user"},
        {"http://a/b c", "spaces"},
        {"http://\xc3\xa4/", "ASCII"},
        {"http://a/" + std::string(kCheckUrlBytesMax, 'x'), "at most 2048"},
    };
    for (const Wrong& row : rows) {
        EXPECT_NE(check_url_problem(row.url).find(row.said), std::string::npos)
            << row.url << ": " << check_url_problem(row.url);
        EXPECT_FALSE(is_check_url(row.url)) << row.url;
    }
}

}  // namespace
}  // namespace servo::model
