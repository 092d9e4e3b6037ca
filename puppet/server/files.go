package server

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/puppet/fileserve"
)

// fileQuery reads the parameters that agents send.
func fileQuery(values url.Values) fileserve.Query {
	number := func(name string) int {
		n, err := strconv.Atoi(values.Get(name))
		if err != nil {
			return 0
		}
		return n
	}
	return fileserve.Query{
		ChecksumType: values.Get("checksum_type"),
		FollowLinks:  values.Get("links") == "follow",
		Permissions:  values.Get("source_permissions") == "use" || values.Get("source_permissions") == "use_when_creating",
		Recurse:      values.Get("recurse") == "true" || values.Get("recurse") == "remote",
		Depth:        max(0, number("recurselimit")),
		MaxFiles:     number("max_files"),
		Ignore:       values["ignore"],
	}
}

// fileRequest checks what all file requests have in common.
func (s *Server) fileRequest(r *request, offers ...string) (environment, path string, err error) {
	if _, err := negotiate(r, offers...); err != nil {
		return "", "", err
	}
	if s.Files == nil {
		return "", "", errs.New(errs.Unsupported, "this server serves no files")
	}
	environment, err = s.environment(r)
	return environment, r.params["path"], err
}

// fileFault words errors as the real server does, which calls an unknown mount
// its own error.
func fileFault(err error, terminus, path, missing string) error {
	switch {
	case errs.Is(err, errs.NotFound):
		return errs.New(errs.NotFound, "%s", missing)
	case errs.Is(err, errs.Forbidden):
		return &fault{
			status: http.StatusInternalServerError,
			text:   "Not authorized to call find on /" + terminus + "/" + path + " with {:rest=>" + strconv.Quote(path) + "}",
		}
	}
	return err
}

func (s *Server) fileMetadata(w *response, r *request) error {
	environment, path, err := s.fileRequest(r, mediaJSON, mediaPSON)
	if err != nil {
		return err
	}
	m, err := s.Files.Metadata(r.Context(), environment, path, fileQuery(r.URL.Query()))
	if err != nil {
		return fileFault(err, "file_metadata", path, "Could not find file_metadata "+path)
	}
	return w.json(http.StatusOK, typeJSON, m)
}

func (s *Server) fileMetadatas(w *response, r *request) error {
	environment, path, err := s.fileRequest(r, mediaJSON, mediaPSON)
	if err != nil {
		return err
	}
	found, err := s.Files.Search(r.Context(), environment, path, fileQuery(r.URL.Query()))
	if err != nil {
		return fileFault(err, "file_metadata", path, "Could not find instances in file_metadata with '"+path+"'")
	}
	return w.json(http.StatusOK, typeJSON, found)
}

func (s *Server) fileContent(w *response, r *request) error {
	environment, path, err := s.fileRequest(r, mediaBytes)
	if err != nil {
		return err
	}
	content, err := s.Files.Open(r.Context(), environment, path)
	if err != nil {
		return fileFault(err, "file_content", path, "Could not find file_content "+path)
	}
	if content.File == nil {
		w.send(http.StatusOK, typeBytes, nil)
		return nil
	}
	defer content.File.Close()
	w.stream(content.File, content.Size)
	return nil
}

// stream sends size bytes; a file that shrinks meanwhile breaks the connection,
// so that the agent does not take the part for the whole.
func (w *response) stream(body io.Reader, size int64) {
	w.Header().Set("Content-Type", typeBytes)
	if size >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		body = io.LimitReader(body, size)
	}
	w.WriteHeader(http.StatusOK)
	if w.request.Method == http.MethodHead {
		return
	}
	if n, err := io.Copy(w.ResponseWriter, body); err != nil || (size >= 0 && n < size) {
		panic(http.ErrAbortHandler)
	}
}

// bucketFile keeps and gives back former contents: sha256/SUM, with the file's
// path behind it for the agent's own sake.
func (s *Server) bucketFile(w *response, r *request) error {
	if s.Bucket == nil {
		return errs.New(errs.Unsupported, "this server has no file bucket")
	}
	kind, rest, _ := strings.Cut(r.params["path"], "/")
	sum, _, _ := strings.Cut(rest, "/")
	missing := errs.New(errs.NotFound, "Could not find file_bucket_file %s", r.params["path"])
	if r.Method == http.MethodPut || r.Method == http.MethodPost {
		data, err := w.read(fileserve.MaxBucketFile)
		if err != nil {
			return err
		}
		if err := s.Bucket.Put(kind, sum, data); err != nil {
			return err
		}
		w.send(http.StatusOK, typeBytes, nil)
		return nil
	}
	file, err := s.Bucket.Open(kind, sum)
	if errs.Is(err, errs.NotFound) {
		return missing
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return errs.Wrap(err, "look at a file of the bucket")
	}
	w.stream(file, info.Size())
	return nil
}

func (s *Server) staticFileContent(w *response, r *request) error {
	environment, code, path := r.param("environment"), r.param("code_id"), r.params["path"]
	if environment == "" || code == "" || path == "" {
		return &fault{status: http.StatusBadRequest, as: typeText, text: "Error: A /static_file_content request requires an environment, a code-id, and a file-path"}
	}
	if !ValidEnvironment(environment) {
		return badEnvironment(environment)
	}
	if s.StaticFiles == nil {
		return &fault{status: http.StatusInternalServerError, text: "Internal Server Error: this server keeps no versions of the code"}
	}
	if !isStaticPath(path) {
		return &fault{status: http.StatusForbidden, text: "Request Denied: A /static_file_content request must be a file within the files, lib, scripts, or tasks directory of a module."}
	}
	file, err := s.StaticFiles.StaticFile(r.Context(), environment, code, path)
	if err != nil {
		return err
	}
	defer file.Close()
	w.stream(file, -1)
	return nil
}

// isStaticPath wants ANY/MODULE/files/REST, or another of a module's folders.
func isStaticPath(path string) bool {
	parts := strings.SplitN(path, "/", 4)
	return len(parts) == 4 && parts[3] != "" && hasWord("files tasks scripts lib", parts[2])
}
