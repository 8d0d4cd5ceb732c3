//! What a user proves to know.

use thiserror::Error;

/// User name and password, for one realm or for whichever asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
    realm: Option<String>,
}

/// The password stays out of logs.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// Why credentials cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CredentialsError {
    /// There is no user without a name.
    #[error("the username is empty")]
    NoUsername,
    /// A control character cannot stand in the header (RFC 3261 25.1, quoted-string).
    #[error("username and realm must not contain control characters")]
    ControlCharacter,
}

impl Credentials {
    /// Credentials; without a realm they answer every challenge.
    pub fn new(
        username: String,
        password: String,
        realm: Option<String>,
    ) -> Result<Credentials, CredentialsError> {
        if username.is_empty() {
            return Err(CredentialsError::NoUsername);
        }
        let texts = [Some(&username), realm.as_ref()];
        if texts.into_iter().flatten().any(|text| text.chars().any(char::is_control)) {
            return Err(CredentialsError::ControlCharacter);
        }
        Ok(Credentials { username, password, realm })
    }

    /// The user name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The ones to answer a realm with: those that name it, else the first that name none.
    pub fn for_realm<'a>(list: &'a [Credentials], realm: &[u8]) -> Option<&'a Credentials> {
        let named = |own: &&Credentials| own.realm.as_ref().is_some_and(|own| own.as_bytes() == realm);
        list.iter().find(named).or_else(|| list.iter().find(|own| own.realm.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(username: &str, realm: Option<&str>) -> Credentials {
        Credentials::new(username.into(), "secret".into(), realm.map(str::to_owned)).expect("good ones")
    }

    #[test]
    fn those_of_the_realm_come_before_those_for_any() {
        let list = [credentials("any", None), credentials("own", Some("a")), credentials("other", Some("b"))];
        let user = |realm: &[u8]| Credentials::for_realm(&list, realm).map(Credentials::username);
        assert_eq!((user(b"a"), user(b"b"), user(b"c")), (Some("own"), Some("other"), Some("any")));
        assert_eq!(Credentials::for_realm(&list[1..], b"c"), None);
    }

    #[test]
    fn what_would_break_the_header_is_refused() {
        let new = |username: &str, realm: &str| {
            Credentials::new(username.into(), String::new(), Some(realm.into())).err()
        };
        assert_eq!(new("", "r"), Some(CredentialsError::NoUsername));
        assert_eq!(new("a\r\nb", "r"), Some(CredentialsError::ControlCharacter));
        assert_eq!(new("a", "r\0"), Some(CredentialsError::ControlCharacter));
        assert_eq!(new("a", "r"), None);
    }

    #[test]
    fn the_password_is_not_shown() {
        assert!(!format!("{:?}", credentials("alice", None)).contains("secret"));
    }
}
