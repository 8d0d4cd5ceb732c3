//! The UNIX socket by which the commands of `oversip` talk to a running server. Only who the server runs as can use it.

use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use socket2::{Domain, SockAddr, Socket, Type};
use thiserror::Error;

use crate::transport::error_text;

/// How often the name may be taken by another start while this one clears it.
const MOST_TRIES: usize = 8;

/// How often the lock of the folder is asked for: another start holds it for some microseconds.
const MOST_TRIES_FOR_TURN: usize = 50;

/// How long another start has then to come to its end.
const PAUSE: Duration = Duration::from_millis(1);

/// The rights of the file.
const MODE: u32 = 0o600;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 64;

/// The socket cannot be opened.
#[derive(Debug, Error)]
#[error("control socket '{}': {problem}", .path.display())]
pub struct ControlSocketError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, Error)]
enum Problem {
    #[error("another process listens on it")]
    InUse,
    #[error("the name is taken by something that is no socket")]
    NoSocket,
    #[error("the name is too long for a socket")]
    TooLong,
    #[error("{}", error_text(.0))]
    System(io::Error),
}

/// The listening socket; its file goes with it.
#[derive(Debug)]
pub(super) struct ControlSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// The file of a socket, which is removed with this unless it is another one's by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl ControlSocket {
    /// Opens it. A file that a dead process has left is replaced.
    pub(super) fn open(path: &Path) -> Result<ControlSocket, ControlSocketError> {
        open(path).map_err(|problem| ControlSocketError { path: path.to_owned(), problem })
    }

    /// What accepts, and the file.
    pub(super) fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

/// The socket gets its name when it listens: whoever finds the name taken can tell a live socket from a dead one.
fn open(path: &Path) -> Result<ControlSocket, Problem> {
    let address = SockAddr::unix(path).map_err(|_| Problem::TooLong)?;
    let socket = new_socket()?;
    // The file is made with these rights: nobody can put another one in its place before it has them.
    let set = File::from(OwnedFd::from(socket.try_clone().map_err(Problem::System)?));
    let set = set.set_permissions(Permissions::from_mode(MODE));
    let draft = beside(path);
    socket.bind(&SockAddr::unix(&draft).map_err(|_| Problem::TooLong)?).map_err(Problem::System)?;
    let draft = SocketFile::new(&draft)?;
    if set.is_err() {
        // Not on Linux.
        fs::set_permissions(&draft.path, Permissions::from_mode(MODE)).map_err(Problem::System)?;
    }
    socket.listen(BACKLOG).map_err(Problem::System)?;
    for _ in 0..MOST_TRIES {
        match fs::hard_link(&draft.path, path) {
            Ok(()) => {
                let file = SocketFile { path: path.to_owned(), identity: draft.identity };
                return Ok(ControlSocket { listener: socket.into(), file });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => make_room(path, &address)?,
            Err(error) => return Err(Problem::System(error)),
        }
    }
    Err(Problem::InUse)
}

/// A name in the folder of a path that nothing has, and nobody guesses.
fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".oversip-{:08x}", RandomState::new().hash_one(path) as u32))
}

fn new_socket() -> Result<Socket, Problem> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(Problem::System)?;
    socket.set_nonblocking(true).map_err(Problem::System)?;
    Ok(socket)
}

/// Removes the socket of a process that has ended.
fn make_room(path: &Path, address: &SockAddr) -> Result<(), Problem> {
    let _turn = turn(path);
    if !is_dead(path, address)? {
        return Ok(());
    }
    // Who has no turn may have taken it away, and another one put its own there: what is taken away is looked at once more.
    let aside = beside(path);
    let aside_address = SockAddr::unix(&aside).map_err(|_| Problem::TooLong)?;
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        moved => moved.map_err(Problem::System)?,
    }
    let dead = is_dead(&aside, &aside_address);
    if dead.is_err() {
        let _ = fs::hard_link(&aside, path);
    }
    fs::remove_file(&aside).map_err(Problem::System)?;
    dead.map(drop)
}

/// Of several starts one at a time looks at what is in the folder, and takes it away. `None`: somebody else holds its lock, or it cannot
/// be locked. A start waits some milliseconds for that.
fn turn(path: &Path) -> Option<Flock<File>> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut folder = File::open(parent.unwrap_or(Path::new("."))).ok()?;
    for _ in 0..MOST_TRIES_FOR_TURN {
        match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
            Ok(turn) => return Some(turn),
            Err((still_open, error)) if is_held(error) => folder = still_open,
            Err(_) => return None,
        }
        std::thread::sleep(PAUSE);
    }
    None
}

/// Whether somebody else holds a lock that is refused for this: some file systems have none at all.
fn is_held(error: Errno) -> bool {
    matches!(error, Errno::EWOULDBLOCK | Errno::EINTR)
}

/// Whether there is a socket whose process has ended; false for nothing.
fn is_dead(path: &Path, address: &SockAddr) -> Result<bool, Problem> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Problem::System(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(Problem::NoSocket),
        Ok(_) => {}
    }
    match new_socket()?.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // So many wait to be accepted that there is no room for another one.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Problem::InUse),
        Err(error) => Err(Problem::System(error)),
        Ok(()) => Err(Problem::InUse),
    }
}

impl SocketFile {
    fn new(path: &Path) -> Result<SocketFile, Problem> {
        let identity = identity(path).map_err(Problem::System)?;
        Ok(SocketFile { path: path.to_owned(), identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // Without the right to, it stays, and the next server replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    /// A folder of its own, which goes with this.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("oversip-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a folder");
            Folder(path)
        }

        fn socket(&self) -> PathBuf {
            self.0.join("a.sock")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn refusal(path: &Path) -> String {
        ControlSocket::open(path).expect_err("a refusal").problem.to_string()
    }

    #[test]
    fn only_its_owner_can_use_it_and_its_file_goes_with_it() {
        let folder = Folder::new("mode");
        let open = ControlSocket::open(&folder.socket()).expect("a socket");
        assert_eq!(fs::metadata(folder.socket()).expect("a file").mode() & 0o777, 0o600);
        assert!(UnixStream::connect(folder.socket()).is_ok());
        drop(open);
        assert!(!folder.socket().exists());
    }

    #[test]
    fn what_a_dead_process_has_left_is_replaced_and_a_live_socket_is_not() {
        let folder = Folder::new("stale");
        drop(std::os::unix::net::UnixListener::bind(folder.socket()).expect("a socket"));
        assert!(folder.socket().exists());
        let _open = ControlSocket::open(&folder.socket()).expect("a socket in its place");
        assert_eq!(refusal(&folder.socket()), "another process listens on it");
        assert!(UnixStream::connect(folder.socket()).is_ok());
    }

    #[test]
    fn of_several_that_start_at_once_one_has_it() {
        let folder = Folder::new("race");
        for _ in 0..50 {
            drop(UnixListener::bind(folder.socket()).expect("a socket"));
            let start = std::sync::Barrier::new(4);
            let open = || {
                start.wait();
                ControlSocket::open(&folder.socket())
            };
            let opened: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            assert_eq!(opened.iter().filter(|socket| socket.is_ok()).count(), 1);
            let live = opened.iter().flatten().next().expect("a socket");
            assert_eq!(identity(&folder.socket()).expect("a file"), live.file.identity);
            drop(opened);
            assert_eq!(fs::read_dir(&folder.0).expect("a folder").count(), 0);
        }
    }

    #[test]
    fn the_file_that_a_symbolic_link_leads_to_keeps_its_rights() {
        let folder = Folder::new("link");
        let target = folder.0.join("target");
        fs::write(&target, "mine").expect("a file");
        fs::set_permissions(&target, Permissions::from_mode(0o644)).expect("rights");
        std::os::unix::fs::symlink(&target, folder.socket()).expect("a link");
        assert_eq!(refusal(&folder.socket()), "the name is taken by something that is no socket");
        assert_eq!(fs::metadata(&target).expect("a file").mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(&folder.0).expect("a folder").count(), 2);
    }

    #[test]
    fn a_socket_with_a_full_queue_lives() {
        let folder = Folder::new("full");
        let _open = ControlSocket::open(&folder.socket()).expect("a socket");
        let address = SockAddr::unix(folder.socket()).expect("an address");
        let full = (0..=BACKLOG).map(|_| new_socket().expect("a socket"));
        let waiting: Vec<_> = full.filter(|socket| socket.connect(&address).is_ok()).collect();
        assert!(waiting.len() >= BACKLOG as usize);
        assert_eq!(refusal(&folder.socket()), "another process listens on it");
    }

    #[test]
    fn a_lock_that_somebody_holds_is_asked_for_again_and_none_that_cannot_be() {
        assert!(is_held(Errno::EWOULDBLOCK) && is_held(Errno::EINTR));
        assert!(!is_held(Errno::EOPNOTSUPP) && !is_held(Errno::ENOLCK));
    }

    #[test]
    fn a_start_waits_for_one_that_clears_the_name_and_not_for_ever() {
        let folder = Folder::new("turn");
        let held = turn(&folder.socket()).expect("the lock");
        assert!(turn(&folder.socket()).is_none());
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| turn(&folder.socket()).is_some());
            drop(held);
            waiting.join().expect("no panic")
        });
        assert!(waiting);
    }

    #[test]
    fn another_file_is_left_alone() {
        let folder = Folder::new("file");
        fs::write(folder.socket(), "mine").expect("a file");
        assert_eq!(refusal(&folder.socket()), "the name is taken by something that is no socket");
        assert_eq!(fs::read_to_string(folder.socket()).expect("a file"), "mine");
    }

    #[test]
    fn the_file_of_a_successor_stays() {
        let folder = Folder::new("successor");
        let open = ControlSocket::open(&folder.socket()).expect("a socket");
        fs::remove_file(folder.socket()).expect("removed");
        let _successor = ControlSocket::open(&folder.socket()).expect("another one");
        drop(open);
        assert!(folder.socket().exists());
    }

    #[test]
    fn a_name_is_too_long_or_its_folder_is_missing() {
        let folder = Folder::new("long");
        assert_eq!(refusal(&folder.0.join("x".repeat(200))), "the name is too long for a socket");
        assert_eq!(refusal(&folder.0.join("none/a.sock")), "No such file or directory");
    }
}
